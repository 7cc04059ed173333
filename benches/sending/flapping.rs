//! An endpoint that is killed again and again under load, and the account of what came to it.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::net::{TcpListener, TcpStream};

use crate::{
    IN_FLIGHT, incoming,
    receiver::{Account, Calls, Came, endpoint},
    service,
};

/// How long it is up and down, in milliseconds, in turn.
const UP: [u64; 5] = [1_300, 400, 2_500, 900, 1_700];
const DOWN: [u64; 4] = [300, 1_500, 50, 700];
/// While it is up: one call in so many is answered with 503, one in so many is taken and cut off.
const REFUSED: u64 = 50;
const CUT_OFF: u64 = 97;
/// How long it may take until everything came, afterwards.
const PATIENCE: Duration = Duration::from_secs(600);

/// The endpoint: writes each call down before it answers. Runs until it is killed.
pub async fn receive(port: u16) {
    let journal = PathBuf::from(crate::argument("--journal").expect("a journal"));
    let journal = OpenOptions::new().append(true).open(&journal).expect("the journal opens");
    let journal = Arc::new(Mutex::new((journal, 0)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("its port");
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&journal)));
    }
}

async fn converse(stream: TcpStream, journal: Arc<Mutex<(File, u64)>>) {
    let mut calls = Calls::of(stream);
    while let Some(body) = calls.next().await {
        let nth = {
            let (file, count) = &mut *journal.lock().expect("nobody panicked");
            *count += 1;
            if *count % REFUSED != 0 {
                let mut line = serde_json::to_vec(&Came::of(&body).0).expect("a line");
                line.push(b'\n');
                // One write each: a kill leaves whole lines.
                file.write_all(&line).expect("it is written down");
            }
            *count
        };
        if nth % REFUSED == 0 {
            calls.answer(503).await;
        } else if nth % CUT_OFF == 0 {
            return;
        } else {
            calls.answer(204).await;
        }
    }
}

/// Deliveries come in for so many seconds while the endpoint is killed and started again.
pub async fn run(url: &str, rate: u64, seconds: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let journal = folder.path().join("journal.ndjson");
    File::create(&journal).expect("a journal");
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    println!(
        "{rate} deliveries a second for {seconds} s; the endpoint is killed about every two seconds, answers one \
         call in {REFUSED} with 503 and cuts one in {CUT_OFF} off"
    );
    let instance = service(url, &[endpoint("partner", address, IN_FLIGHT)]).await;
    let at = instance.serve().await;
    let delivering = tokio::spawn(incoming::deliver(at, rate, seconds));
    let kills = flap(address, &journal, Duration::from_secs(seconds)).await;
    let acknowledged = delivering.await.expect("deliveries");
    let deliveries = (acknowledged.rate * acknowledged.took.as_secs_f64()).round() as u64;
    let mut endpoint = start(address, &journal);
    let (account, calls, rest) = all_of(&journal, deliveries).await;
    endpoint.kill().expect("it is killed");
    endpoint.wait().expect("it has ended");

    let own: u64 = account.lanes.len() as u64;
    println!(
        "deliveries acknowledged              {deliveries:>9}, {:.0} a second",
        acknowledged.rate
    );
    println!("times that the endpoint was killed   {kills:>9}");
    println!("aggregates, each a lane              {own:>9}");
    println!("calls that the endpoint took         {calls:>9}");
    println!("notifications, each once             {:>9}", account.distinct);
    println!("  of these again, under the same id  {:>9}", account.repeats);
    println!("  again with other bytes             {:>9}", account.other_bytes);
    println!("  out of the order of their lane     {:>9}", account.out_of_order);
    println!(
        "  never                              {:>9}",
        deliveries.saturating_sub(account.distinct)
    );
    println!("all of it {:.1} s after the last delivery", rest.as_secs_f64());
    assert!(account.is_sound() && account.distinct == deliveries, "everything, in order");
}

/// Kills the endpoint again and again, and says how often.
async fn flap(address: SocketAddr, journal: &Path, lasts: Duration) -> usize {
    let (started, mut kills) = (Instant::now(), 0);
    while started.elapsed() < lasts {
        let mut endpoint = start(address, journal);
        tokio::time::sleep(Duration::from_millis(UP[kills % UP.len()])).await;
        endpoint.kill().expect("it is killed");
        endpoint.wait().expect("it has ended");
        tokio::time::sleep(Duration::from_millis(DOWN[kills % DOWN.len()])).await;
        kills += 1;
    }
    kills
}

fn start(address: SocketAddr, journal: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--receive", &address.port().to_string(), "--journal"])
        .arg(journal)
        .spawn()
        .expect("it starts")
}

/// The account of the journal once everything is in it, or once nothing more can be hoped for; how many
/// calls that were; how long it took.
async fn all_of(journal: &Path, wanted: u64) -> (Account, u64, Duration) {
    let started = Instant::now();
    loop {
        let lines = BufReader::new(File::open(journal).expect("the journal")).lines();
        let (mut account, mut calls) = (Account::default(), 0);
        for line in lines {
            let line = line.expect("a line");
            account.take(serde_json::from_str::<Came>(&line).expect("what came"), None);
            calls += 1;
        }
        if account.distinct >= wanted || started.elapsed() > PATIENCE {
            return (account, calls, started.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
