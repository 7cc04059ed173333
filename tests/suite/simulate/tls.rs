//! `https`: the simulator trusts whom the system trusts, and whoever it is told to.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Ended, Simulator};
use crate::support::{Kind, Ledger, number};

/// What vouches for `localhost`, and for no address.
const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/authority.pem");

/// Ends TLS in front of a service: its port.
async fn in_front_of(ledger: &Ledger) -> u16 {
    let certificate = include_bytes!("../../fixtures/tls/localhost.pem");
    let certificate = CertificateDer::from_pem_slice(certificate).expect("a certificate");
    let key = include_bytes!("../../fixtures/tls/localhost.key");
    let key = PrivateKeyDer::from_pem_slice(key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let service = ledger.service.base().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((caller, _)) = listener.accept().await {
            let (acceptor, service) = (acceptor.clone(), service.clone());
            tokio::spawn(async move {
                let Ok(mut caller) = acceptor.accept(caller).await else { return };
                let mut service = TcpStream::connect(service).await.expect("the service");
                let _ = tokio::io::copy_bidirectional(&mut caller, &mut service).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn over_https_what_is_known_is_what_was_sent() {
    let imprint = Ledger::fresh();
    let base = format!("https://localhost:{}", in_front_of(&imprint).await);
    let simulator = Simulator::at(Kind::Imprint, &format!("{base}/webhooks/imprint"), &base);
    let words = format!("--seed 31 --histories 12 --faults 10% --delay 50ms --ca {AUTHORITY}");
    let summary = simulator.plays(&words).await.agrees();
    assert!(number(&summary, "acknowledged") > 12, "{summary:#}");
    assert!(number(&imprint.counts().await, "received") > 12);
    imprint.adds_up().await;
}

#[tokio::test]
async fn nothing_is_sent_to_whom_nobody_vouches_for() {
    let imprint = Ledger::fresh();
    let port = in_front_of(&imprint).await;
    for (host, trusted, because) in [
        ("localhost", "", "UnknownIssuer"),
        ("127.0.0.1", AUTHORITY, "certificate not valid for name"),
    ] {
        let url = format!("https://{host}:{port}/webhooks/imprint");
        let simulator = Simulator::at(Kind::Imprint, &url, "");
        let journal = simulator.journal();
        let mut more = vec!["--journal", &journal];
        more.extend(["--ca", trusted].iter().filter(|_| !trusted.is_empty()));
        let words = "--seed 31 --histories 1 --backoff 1ms --patience 50ms";
        let ended = simulator.sends(words, &more).await;
        assert!(!ended.is_good);
        assert_eq!(number(&ended.summary, "acknowledged"), 0, "{:#}", ended.summary);
        let journal = std::fs::read_to_string(journal).expect("a journal");
        assert!(journal.contains(because), "{journal}");
    }
    assert_eq!(number(&imprint.counts().await, "received"), 0);
}

#[tokio::test]
async fn what_cannot_be_trusted_or_spoken_is_told() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/localhost.key");
    assert!(!Path::new(file).is_dir());
    for (url, more, because) in [
        ("https://localhost:1/w", vec!["--ca", file], "has no certificate"),
        ("https://localhost:1/w", vec!["--ca", "/there/is/none"], "No such file"),
        ("ftp://localhost:1/w", vec![], "http:// and https:// are spoken"),
        ("https://kim:told@localhost:1/w", vec![], "must not have a user"),
    ] {
        let simulator = Simulator::at(Kind::Imprint, url, "");
        let Ended { is_good, said, .. } = simulator.sends("--seed 1", &more).await;
        assert!(!is_good && said.contains(because) && !said.contains("told@"), "{said}");
    }
}
