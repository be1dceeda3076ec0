//! A built site, served beside signaling.
//!
//! For a class in one room, one program on one machine can then be everything: the page and the
//! place where its readers find each other. It is a plain file server: MIME types by file name,
//! `index.html` for folders, ranges and conditional requests, nothing outside of the folder.
//!
//! Two things are particular. Notebooks are sent as the JSON they are, because their ending is not
//! in the usual tables. And every answer carries `Cache-Control: no-cache`: a browser may keep a
//! file but has to ask each time whether it changed, so a rebuilt site is seen at the next reload.
//! The `ETag` by which it asks is made of size and time, so a file replaced by an older one counts
//! as changed.

use std::path::Path;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// The files of a folder.
#[derive(Debug, Clone)]
pub struct Site {
    files: ServeDir,
}

impl Site {
    /// Serves this folder.
    pub fn new(folder: &Path) -> Self {
        Self { files: ServeDir::new(folder) }
    }

    /// Answers one request for a file.
    pub async fn serve(&self, request: Request) -> Response {
        let is_notebook = request.uri().path().ends_with(".ipynb");
        let mut response = match self.files.clone().oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        };
        let found = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if is_notebook && found {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        response.into_response()
    }
}
