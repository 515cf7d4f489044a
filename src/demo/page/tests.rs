use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::demo::evidence::{Recorded, Screen};
use crate::demo::verdict::Verdict;

/// One request; the answer until the server closes or, for a stream of events, until `until` is there.
async fn ask(page: &Page, head: &str, until: Option<&str>) -> String {
    let mut stream = TcpStream::connect(page.address).await.expect("the page is served");
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await.expect("it reads");
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    while until.is_none_or(|until| !text.contains(until)) {
        match stream.read(&mut chunk).await.expect("it answers") {
            0 => break,
            length => text.push_str(&String::from_utf8_lossy(&chunk[..length])),
        }
    }
    text
}

fn get(page: &Page, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}", page.address)
}

#[tokio::test]
async fn a_taken_port_is_passed_over() {
    let first = Page::serve(0).await.expect("any port");
    let second = Page::serve(first.address.port()).await.expect("the next one");
    assert_ne!(first.address, second.address);
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let page = Page::serve(0).await.expect("any port");
    for path in ["/", "/demo.css", "/demo.js"] {
        let text = ask(&page, &get(&page, path), None).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}");
        assert!(text.contains("content-security-policy: default-src 'none'"), "{path}");
        assert!(!text.contains("https://") && !text.contains("http://"), "{path} names another server");
    }
}

#[tokio::test]
async fn a_late_browser_is_told_everything_of_this_call_and_gets_its_frames() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("customer-0001.png");
    std::fs::write(&path, b"picture").expect("a file");
    let page = Page::serve(0).await.expect("any port");
    page.board().begin(1, Network::Wifi);
    page.board().frame(&Recorded { screen: Screen::Customer, seq: 1, hash: "ab12".to_owned(), path }, 40);
    let told = ask(&page, &get(&page, "/events"), Some("/frames/ab12")).await;
    assert!(told.contains("event: begin") && told.contains("event: call") && told.contains("event: frame"), "{told}");
    let picture = ask(&page, &get(&page, "/frames/ab12"), None).await;
    assert!(picture.contains("content-type: image/png") && picture.ends_with("picture"), "{picture}");
    assert!(ask(&page, &get(&page, "/frames/..%2F..%2Fetc%2Fpasswd"), None).await.starts_with("HTTP/1.1 404"));
    page.board().begin(2, Network::Wifi);
    assert!(ask(&page, &get(&page, "/frames/ab12"), None).await.starts_with("HTTP/1.1 404"), "of the last call");
}

#[tokio::test]
async fn the_button_places_one_call_at_a_time_and_only_from_here() {
    let mut page = Page::serve(0).await.expect("any port");
    let order = format!("POST /calls?network=cellular HTTP/1.1\r\nHost: {}\r\nContent-Length: 0", page.address);
    assert!(ask(&page, &order, None).await.starts_with("HTTP/1.1 409"), "the first call is still to be played");
    page.board().verdict(&Verdict::default(), &[], "none");
    let foreign = format!("{order}\r\nOrigin: http://elsewhere.example");
    assert!(ask(&page, &foreign, None).await.starts_with("HTTP/1.1 403"));
    let renamed = get(&page, "/events").replace("127.0.0.1", "elsewhere.example");
    assert!(ask(&page, &renamed, None).await.starts_with("HTTP/1.1 403"));
    assert!(ask(&page, &order, None).await.starts_with("HTTP/1.1 202"));
    assert_eq!(page.ordered().await, Network::Cellular);
    assert!(ask(&page, &order, None).await.starts_with("HTTP/1.1 409"), "it is being played");
}
