//! Several services on one database: one sends to an endpoint, and another takes it over.

use super::receiver::Receiver;
use crate::support::{Ledger, Service, Source, T1, T2, Tx, postgres, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_never_send_one_lane_at_once_and_one_takes_over_from_the_other() {
    let receiver = Receiver::start().await;
    let url = postgres::database().await;
    let settings = receiver.endpoint("crm", "");
    let instances = [(); 2].map(|()| {
        let service = Service::start_at(&url, &[Source::named("imprint")], &settings);
        Ledger::of(service, "imprint")
    });
    let both = async |from: usize, to: usize| {
        for nth in from..to {
            let id = format!("t{nth}");
            let tx = Tx::new(&id);
            instances[1].receive(&tx.approved(10_000).at(T1)).await;
            for capture in 0..3 {
                let step = tx.captured(10).event(&format!("c-{nth}-{capture}")).at(T2);
                instances[1].receive(&step).await;
            }
        }
    };
    both(0, 20).await;
    instances[0].service.kill();
    both(20, 40).await;
    until("all of it is taken", async || {
        let taken = receiver.taken();
        (taken.len() == 40 && taken.values().all(|lane| lane.contains(&4))).then_some(())
    })
    .await;
    let (calls, repeats) = receiver.is_sound();
    println!("160 notifications, {calls} calls, {repeats} again");
}
