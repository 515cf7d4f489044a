//! The simulator with a real Chromium against the served demo site.
//!
//! Without Chromium these tests fail, naming the package: `scripts/setup.sh` installs it.
//! `cargo test --test simulator -- --ignored --nocapture measure` prints the figures of `docs/simulator.md`;
//! `… --ignored gallery` leaves a picture of every screen in `target/gallery/`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tandem::simulator::error::EndReason;
use tandem::simulator::{Frame, Frames, ImageFormat, Screen, Simulator, SimulatorConfig, SimulatorError};
use tandem::site::{self, SiteHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a static page is watched. Chromium draws 60 pictures a second, a caret blinks twice in one.
const STILLNESS: Duration = Duration::from_millis(1500);

async fn serve() -> SiteHandle {
    site::serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port")
}

async fn launch_with(config: SimulatorConfig) -> Simulator {
    match Simulator::launch(config).await {
        Ok(simulator) => simulator,
        Err(error) => panic!("these tests need a real Chromium: {error}"),
    }
}

async fn launch() -> Simulator {
    launch_with(SimulatorConfig::default()).await
}

async fn open(simulator: &Simulator, site: &SiteHandle, path: &str) -> Screen {
    simulator.open(&format!("{}{path}", site.url())).await.expect("the page opens");
    simulator.current().await.expect("the page says its screen")
}

/// Follows the pictures until the page is `name` and stands still; its last picture and the screen.
async fn until_screen(simulator: &Simulator, frames: &mut Frames, name: &str) -> (Frame, Screen) {
    let followed = timeout(PATIENCE, async {
        loop {
            let mut frame = frames.next().await.expect("the simulator lives");
            let screen = simulator.current().await.expect("the page says its screen");
            if screen.name.as_deref() != Some(name) {
                continue;
            }
            // A page can say its name before it is painted.
            while let Ok(later) = timeout(STILLNESS, frames.next()).await {
                frame = later.expect("the simulator lives");
            }
            return (frame, screen);
        }
    });
    followed.await.unwrap_or_else(|_| panic!("the screen {name} never came to rest"))
}

/// Waits until no picture has come for [`STILLNESS`]; how many came before.
async fn settle(frames: &mut Frames) -> u32 {
    let mut count = 0;
    while let Ok(frame) = timeout(STILLNESS, frames.next()).await {
        frame.expect("the simulator lives");
        count += 1;
        assert!(count < 100, "the page never stands still");
    }
    count
}

async fn orders(site: &SiteHandle) -> Vec<Value> {
    let mut stream = TcpStream::connect(site.local_addr).await.expect("the site answers");
    stream.write_all(b"GET /api/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).expect("a JSON array")
}

/// Processes that carry the profile directory of `simulator`'s browser in their environment.
fn processes_of(profile: &Path) -> Vec<u32> {
    let mark = format!("TMPDIR={}", profile.join("tmp").display()).into_bytes();
    let pids = std::fs::read_dir("/proc").expect("a Linux system").flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark)
        })
        .collect()
}

/// The browser's profile, as its own environment names it.
fn profile_of(simulator: &Simulator) -> PathBuf {
    let environment = std::fs::read(format!("/proc/{}/environ", simulator.process_id())).expect("the browser runs");
    let temporary = environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"TMPDIR="));
    let temporary = std::str::from_utf8(temporary.expect("its TMPDIR")).expect("UTF-8").to_owned();
    Path::new(&temporary).parent().expect("a parent").to_owned()
}

/// Waits until nothing of a closed simulator is left.
async fn gone(profile: &Path) {
    let waited = timeout(PATIENCE, async {
        while profile.exists() || !processes_of(profile).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("left behind: {profile:?}, processes {:?}", processes_of(profile)));
}

fn fact<'a>(screen: &'a Screen, name: &str) -> &'a str {
    screen.facts.get(name).unwrap_or_else(|| panic!("no fact {name} in {screen:?}"))
}

#[tokio::test]
async fn every_deep_link_opens_its_screen() {
    let (site, simulator) = (serve().await, launch().await);
    let trip = "from=PEK&to=SHA&date=2026-12-01";
    let links = [
        ("/".to_owned(), "flight.search"),
        ("/?tab=hotels".to_owned(), "hotel.search"),
        (format!("/cities?field=to&{trip}"), "city.pick"),
        (format!("/flights?{trip}"), "flight.list"),
        (format!("/flights/CA1307?{trip}"), "flight.detail"),
        (format!("/order?kind=flight&flight=CA1307&cabin=business&{trip}"), "order.form"),
        ("/hotels?city=SHA&checkin=2026-12-01&nights=2".to_owned(), "hotel.list"),
        ("/hotels/SHA-3?checkin=2026-12-01&nights=2".to_owned(), "hotel.detail"),
        ("/order?kind=hotel&hotel=SHA-3&room=suite&checkin=2026-12-01&nights=2".to_owned(), "order.form"),
        ("/orders".to_owned(), "order.list"),
        ("/flights/XX1?from=PEK&to=SHA".to_owned(), "not_found"),
        ("/flights?from=PEK&to=PEK".to_owned(), "not_found"),
        ("/order/confirmed?id=none".to_owned(), "not_found"),
        ("/hotels?nights=999999".to_owned(), "not_found"),
    ];
    for (link, name) in &links {
        let screen = open(&simulator, &site, link).await;
        assert_eq!(screen.name.as_deref(), Some(*name), "{link}");
        assert_eq!(screen.url, format!("{}{link}", site.url()));
    }
    let detail = open(&simulator, &site, &links[4].0).await;
    assert_eq!((fact(&detail, "flight"), fact(&detail, "departs"), fact(&detail, "to")), ("CA1307", "07:30", "SHA"));
    simulator.close().await;
    site.stop().await;
}

#[tokio::test]
async fn a_tap_on_the_first_flight_shows_its_detail_in_a_changed_picture() {
    let (site, mut simulator) = (serve().await, launch().await);
    let mut frames = simulator.frames();
    open(&simulator, &site, "/flights?from=PEK&to=SHA&date=2026-12-01").await;
    let (list, _) = until_screen(&simulator, &mut frames, "flight.list").await;
    simulator.touch(180.0, 240.0).await.expect("a tap");
    let (detail, screen) = until_screen(&simulator, &mut frames, "flight.detail").await;
    assert_eq!(fact(&screen, "flight"), "CA1307");
    assert!(detail.seq > list.seq && detail.bytes != list.bytes && detail.captured_at > list.captured_at);
    assert_eq!((detail.width, detail.height, detail.mime), (390, 844, "image/jpeg"));
    let picture = image::load_from_memory(&detail.bytes).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (390, 844));
    simulator.close().await;
}

#[tokio::test]
async fn text_is_entered_and_the_order_is_placed_exactly_once() {
    let (site, mut simulator) = (serve().await, launch().await);
    let mut frames = simulator.frames();
    open(&simulator, &site, "/order?kind=flight&flight=CA1307&from=PEK&to=SHA&date=2026-12-01").await;
    let (_, form) = until_screen(&simulator, &mut frames, "order.form").await;
    // The name field, prefilled with two characters; the caret goes to where the tap is, so to the end.
    simulator.touch(340.0, 378.0).await.expect("a tap");
    simulator.key("End").await.expect("a key");
    simulator.key("Backspace").await.expect("a key");
    simulator.text("小龙").await.expect("text");
    simulator.key("A").await.expect("a key");
    assert!(matches!(simulator.key("NoSuchKey").await, Err(SimulatorError::UnknownKey(_))));
    // A nervous finger: two taps on the button before the answer can come.
    simulator.touch(290.0, 800.0).await.expect("a tap");
    simulator.touch(290.0, 800.0).await.expect("a tap");
    let (_, confirmed) = until_screen(&simulator, &mut frames, "order.confirmed").await;
    let placed = orders(&site).await;
    assert_eq!(placed.len(), 1, "{placed:?}");
    assert_eq!(placed[0]["passenger"], "张小龙A");
    assert_eq!(placed[0]["id"], fact(&confirmed, "order"));
    assert_eq!(placed[0]["item"]["flight"], "CA1307");
    assert_eq!(placed[0]["total_cny"].to_string(), fact(&form, "total"));
    simulator.close().await;
}

#[tokio::test]
async fn a_static_page_sends_no_pictures_even_with_the_caret_in_a_field() {
    let (site, mut simulator) = (serve().await, launch().await);
    let mut frames = simulator.frames();
    open(&simulator, &site, "/order?kind=hotel&hotel=SHA-2&room=king").await;
    until_screen(&simulator, &mut frames, "order.form").await;
    assert!(timeout(STILLNESS, frames.next()).await.is_err(), "a picture of a page that stands still");
    simulator.touch(300.0, 360.0).await.expect("a tap");
    let focused = settle(&mut frames).await;
    assert!(focused > 0, "the focused field looks different");
    assert!(timeout(STILLNESS, frames.next()).await.is_err(), "the caret blinks");
    simulator.close().await;
}

#[tokio::test]
async fn scrolling_moves_the_page() {
    let (site, mut simulator) = (serve().await, launch().await);
    let mut frames = simulator.frames();
    open(&simulator, &site, "/flights?from=PEK&to=SHA").await;
    let (top, _) = until_screen(&simulator, &mut frames, "flight.list").await;
    simulator.scroll(195.0, 600.0, 0.0, 240.0).await.expect("a scroll");
    assert!(settle(&mut frames).await > 0, "scrolling changes the picture");
    simulator.scroll(195.0, 400.0, 0.0, -240.0).await.expect("a scroll");
    assert!(settle(&mut frames).await > 0, "scrolling changes the picture");
    let back = simulator.frames().next().await.expect("a picture");
    assert!(back.seq > top.seq && back.bytes == top.bytes, "and back again");
    simulator.close().await;
}

#[tokio::test]
async fn two_simulators_share_nothing() {
    let site = serve().await;
    let (one, two) = tokio::join!(launch(), launch());
    assert_ne!(one.process_id(), two.process_id());
    assert_ne!(profile_of(&one), profile_of(&two));
    let mut frames = two.frames();
    open(&two, &site, "/hotels?city=HGH").await;
    until_screen(&two, &mut frames, "hotel.list").await;
    let first = open(&one, &site, "/flights?from=PEK&to=SHA").await;
    assert_eq!(first.name.as_deref(), Some("flight.list"));
    assert_eq!(two.current().await.expect("a screen").name.as_deref(), Some("hotel.list"));
    assert!(timeout(STILLNESS, frames.next()).await.is_err(), "one's page in two's pictures");
    // One ends, the other lives.
    one.close().await;
    assert_eq!(open(&two, &site, "/").await.name.as_deref(), Some("flight.search"));
    two.close().await;
}

#[tokio::test]
async fn a_killed_browser_is_a_typed_error_and_leaves_nothing() {
    let (site, mut simulator) = (serve().await, launch().await);
    let profile = profile_of(&simulator);
    let mut frames = simulator.frames();
    open(&simulator, &site, "/").await;
    until_screen(&simulator, &mut frames, "flight.search").await;
    let killed = std::process::Command::new("kill").args(["-9", &simulator.process_id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
    let ended = timeout(PATIENCE, async {
        loop {
            if let Err(error) = frames.next().await {
                return error;
            }
        }
    });
    let error = ended.await.expect("the pictures end");
    assert!(matches!(error, SimulatorError::Ended(EndReason::Exited(_))), "{error:?}");
    assert!(error.to_string().contains("launch a new one"), "{error}");
    assert!(matches!(simulator.current().await, Err(SimulatorError::Ended(EndReason::Exited(_)))));
    assert!(matches!(simulator.touch(1.0, 1.0).await, Err(SimulatorError::Ended(EndReason::Exited(_)))));
    let process_id = simulator.process_id();
    simulator.close().await;
    assert!(!Path::new(&format!("/proc/{process_id}")).exists(), "a zombie");
    gone(&profile).await;
}

#[tokio::test]
async fn a_browser_killed_in_the_middle_of_a_command_is_a_typed_error() {
    let (_site, simulator) = (serve().await, launch().await);
    // A page that never answers: the command is under way when the browser goes.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let kill = async {
        let connection = silent.accept().await.expect("the browser connects");
        let status = std::process::Command::new("kill").args(["-9", &simulator.process_id().to_string()]).status();
        assert!(status.expect("kill runs").success());
        connection
    };
    let (opened, _connection) =
        timeout(PATIENCE, async { tokio::join!(simulator.open(&url), kill) }).await.expect("an end");
    assert!(matches!(opened, Err(SimulatorError::Ended(EndReason::Exited(_)))), "{opened:?}");
    simulator.close().await;
}

#[tokio::test]
async fn a_dropped_simulator_leaves_nothing() {
    let simulator = launch().await;
    let profile = profile_of(&simulator);
    assert!(profile.exists() && !processes_of(&profile).is_empty());
    drop(simulator);
    gone(&profile).await;
}

#[test]
fn a_runtime_that_shuts_down_leaves_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let simulator = runtime.block_on(launch());
    let profile = profile_of(&simulator);
    drop(runtime);
    assert!(!profile.exists());
    drop(simulator);
    // The browser's helpers see its end some milliseconds later.
    tokio::runtime::Runtime::new().expect("a runtime").block_on(gone(&profile));
}

#[tokio::test]
async fn links_and_touches_that_must_not_be_are_refused() {
    let site = serve().await;
    let config = SimulatorConfig { allowed_hosts: vec!["127.0.0.1".into()], ..SimulatorConfig::default() };
    let mut simulator = launch_with(config).await;
    for url in ["file:///etc/passwd", "chrome://version", "http://localhost/", "https://198.51.100.1/secret?token=1"] {
        let error = simulator.open(url).await.expect_err(url);
        assert!(matches!(error, SimulatorError::ForbiddenUrl { .. }), "{error:?}");
        assert!(!error.to_string().contains("token"), "{error}");
    }
    for (x, y) in [(-1.0, 5.0), (390.0, 5.0), (5.0, 844.0), (f64::NAN, 5.0), (f64::INFINITY, 5.0)] {
        assert!(matches!(simulator.touch(x, y).await, Err(SimulatorError::OffScreen { .. })), "{x} {y}");
    }
    // A port where nobody listens: the browser's own words.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let error = simulator.open(&format!("http://{closed}/?secret")).await.expect_err("nobody listens");
    assert!(
        matches!(&error, SimulatorError::Navigation { reason, .. } if reason.contains("ERR_CONNECTION_REFUSED")),
        "{error:?}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    // And it still works.
    assert_eq!(open(&simulator, &site, "/").await.name.as_deref(), Some("flight.search"));
    simulator.close().await;
}

/// The screens as pictures, to be looked at.
#[tokio::test]
#[ignore = "leaves pictures for a person to look at"]
async fn gallery() {
    let (site, mut simulator) = (serve().await, launch_with(SimulatorConfig { scale: 2, ..Default::default() }).await);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../gallery");
    std::fs::create_dir_all(&directory).expect("a directory");
    let order = "/order?kind=flight&flight=CA1307&from=PEK&to=SHA&date=2026-12-01";
    for (name, link) in [
        ("1-flight-search", "/"),
        ("2-flight-list", "/flights?from=PEK&to=SHA&date=2026-12-01"),
        ("3-flight-detail", "/flights/CA1307?from=PEK&to=SHA&date=2026-12-01"),
        ("5-hotel-search", "/?tab=hotels"),
        ("6-hotel-list", "/hotels?city=SHA"),
        ("7-hotel-detail", "/hotels/SHA-2?nights=2"),
        ("8-hotel-order", "/order?kind=hotel&hotel=SHA-2&room=suite&nights=2"),
        ("9-cities", "/cities?field=to"),
        ("10-not-found", "/nowhere"),
        ("11-no-orders", "/orders"),
        ("4-flight-order", order),
    ] {
        open(&simulator, &site, link).await;
        let picture = simulator.screenshot(ImageFormat::Png).await.expect("a screenshot");
        std::fs::write(directory.join(format!("{name}.png")), picture).expect("a file");
    }
    let mut frames = simulator.frames();
    simulator.touch(290.0, 800.0).await.expect("a tap");
    until_screen(&simulator, &mut frames, "order.confirmed").await;
    for name in ["12-confirmed", "13-orders"] {
        let picture = simulator.screenshot(ImageFormat::Png).await.expect("a screenshot");
        std::fs::write(directory.join(format!("{name}.png")), picture).expect("a file");
        open(&simulator, &site, "/orders").await;
    }
    simulator.close().await;
}

/// Milliseconds, the median and the slowest.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
    format!("{:.0} / {:.0}", ms(&times[times.len() / 2]), times.last().map_or(0.0, ms))
}

/// The table of `docs/simulator.md`.
#[tokio::test]
#[ignore = "a measurement"]
async fn measure() {
    const ROUNDS: usize = 10;
    println!(
        "| scale | format | launch ms | open ms | tap → changed picture ms | tap → detail ms | screenshot ms | list KiB | detail KiB |"
    );
    for (scale, format) in
        [1, 2].into_iter().flat_map(|scale| [(scale, ImageFormat::Png), (scale, ImageFormat::Jpeg(80))])
    {
        let site = serve().await;
        let started = Instant::now();
        let mut simulator = launch_with(SimulatorConfig { scale, format, ..Default::default() }).await;
        let launched = started.elapsed();
        let mut frames = simulator.frames();
        let (mut opens, mut firsts, mut details, mut shots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut list_size, mut detail_size, mut pixels) = (0, 0, (0, 0));
        for _ in 0..ROUNDS {
            let start = Instant::now();
            open(&simulator, &site, "/flights?from=PEK&to=SHA&date=2026-12-01").await;
            opens.push(start.elapsed());
            while let Ok(frame) = timeout(Duration::from_millis(300), frames.next()).await {
                list_size = frame.expect("the simulator lives").bytes.len();
            }
            let start = Instant::now();
            simulator.touch(180.0, 240.0).await.expect("a tap");
            let first = frames.next().await.expect("the simulator lives").captured_at;
            firsts.push(first - start);
            let mut detail = first;
            while let Ok(frame) = timeout(Duration::from_millis(300), frames.next()).await {
                let frame = frame.expect("the simulator lives");
                (detail, detail_size) = (frame.captured_at, frame.bytes.len());
                pixels = (frame.width, frame.height);
            }
            details.push(detail - start);
            let start = Instant::now();
            simulator.screenshot(format).await.expect("a screenshot");
            shots.push(start.elapsed());
        }
        println!(
            "| {scale} ({}×{}) | {format:?} | {} | {} | {} | {} | {} | {} | {} |",
            pixels.0,
            pixels.1,
            launched.as_millis(),
            figures(opens),
            figures(firsts),
            figures(details),
            figures(shots),
            list_size / 1024,
            detail_size / 1024
        );
        simulator.close().await;
    }
}
