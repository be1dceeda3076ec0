//! The static site beside signaling.

mod common;

use std::fs;

use common::TestServer;
use tempfile::TempDir;

/// A site, with a file beside it that must stay private.
fn site() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("site");
    fs::create_dir_all(root.join("lab")).unwrap();
    fs::create_dir_all(root.join("files")).unwrap();
    for (name, content) in [
        ("index.html", "<title>start</title>"),
        ("lab/index.html", "<title>lab</title>"),
        ("files/a b.ipynb", r#"{"cells":[]}"#),
        ("all.json", "{}"),
        ("engine.wasm", "\0asm"),
        ("code.js", "1"),
        ("module.mjs", "1"),
        ("style.css", "a{}"),
        ("picture.svg", "<svg/>"),
        ("../secret.txt", "TOP SECRET"),
    ] {
        fs::write(root.join(name), content).unwrap();
    }
    let path = root.to_str().unwrap().to_owned();
    (folder, path)
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let lines = answer.lines().take_while(|line| !line.is_empty());
    let mut values = lines.filter_map(|line| line.split_once(": "));
    let found = values.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value)
}

#[tokio::test]
async fn files_have_their_types_and_are_checked_on_every_load() {
    let (_folder, root) = site();
    let server = TestServer::start(&["--site", &root]).await;
    for (path, mime) in [
        ("/", "text/html"),
        ("/lab/", "text/html"),
        ("/lab/index.html?path=a.ipynb", "text/html"),
        ("/files/a%20b.ipynb", "application/json"),
        ("/all.json", "application/json"),
        ("/engine.wasm", "application/wasm"),
        ("/code.js", "text/javascript"),
        ("/module.mjs", "application/javascript"),
        ("/style.css", "text/css"),
        ("/picture.svg", "image/svg+xml"),
    ] {
        let answer = server.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert_eq!(header(&answer, "content-type"), mime, "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-cache", "{path}");
    }
}

#[tokio::test]
async fn folders_show_their_index() {
    let (_folder, root) = site();
    let server = TestServer::start(&["--site", &root]).await;
    assert!(server.get("/lab/").await.ends_with("<title>lab</title>"));
    let answer = server.get("/lab?room=x").await;
    assert!(answer.starts_with("HTTP/1.1 307"), "{answer}");
    assert_eq!(header(&answer, "location"), "/lab/?room=x");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_folder, root) = site();
    let server = TestServer::start(&["--site", &root]).await;
    for path in ["/nothing", "/files/", "/files/nothing.ipynb"] {
        let answer = server.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert_eq!(header(&answer, "content-type"), "", "{path}");
    }
    let post = "POST /code.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(server.http(post).await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_served() {
    let (_folder, root) = site();
    let server = TestServer::start(&["--site", &root]).await;
    for path in [
        "/../secret.txt",
        "/lab/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "//../secret.txt",
        "/%00/../../secret.txt",
        &format!("/{root}/../secret.txt"),
        &format!("//{root}/../secret.txt"),
    ] {
        let answer = server.get(path).await;
        assert!(!answer.contains("TOP SECRET"), "{path}: {answer}");
        assert!(!answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again_and_a_changed_one_is() {
    let (_folder, root) = site();
    let server = TestServer::start(&["--site", &root]).await;
    let tag = header(&server.get("/code.js").await, "etag").to_owned();
    let head = "GET /code.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let conditional = format!("{head}If-None-Match: {tag}\r\n\r\n");
    let answer = server.http(&conditional).await;
    assert!(answer.starts_with("HTTP/1.1 304"), "{answer}");
    assert_eq!(header(&answer, "cache-control"), "no-cache");
    // Replaced by an older file, as when one goes back to an earlier build.
    let file = fs::File::create(format!("{root}/code.js")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(86_400)).unwrap();
    let answer = server.http(&conditional).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn signaling_is_on_every_path_of_the_site() {
    let (_folder, root) = site();
    let server = TestServer::start(&["--site", &root]).await;
    for path in ["/", "/index.html", "/lab/", "/signaling?x=1", "/nothing"] {
        server.client_with(path, &[]).await.settled().await;
    }
}

#[tokio::test]
async fn without_a_site_the_server_says_okay() {
    let server = TestServer::start(&[]).await;
    let answer = server.get("/").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nokay"), "{answer}");
}
