//! The frames that a client received, kept as files to look at.

use std::path::{Path, PathBuf};

use super::error::ClientError;
use super::story::Who;
use crate::sync::frame::Frame;
use crate::sync::image::ImageType;

/// Writes frames into a directory, or nowhere.
#[derive(Clone, Debug)]
pub struct Recorder {
    directory: Option<PathBuf>,
    who: Who,
}

impl Recorder {
    /// Makes the directory if there is one to make.
    pub async fn open(directory: Option<&Path>, who: Who) -> Result<Recorder, ClientError> {
        if let Some(path) = directory {
            tokio::fs::create_dir_all(path)
                .await
                .map_err(|source| ClientError::Record { path: path.to_owned(), source })?;
        }
        Ok(Recorder { directory: directory.map(Path::to_owned), who })
    }

    /// Writes a frame as `<who>-<seq>.png|jpg|webp` and gives the name. A file of that name is written over.
    pub async fn keep(&self, frame: &Frame) -> Result<Option<String>, ClientError> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let extension = match frame.image_type {
            ImageType::Png => "png",
            ImageType::Jpeg => "jpg",
            ImageType::WebP => "webp",
        };
        let name = format!("{}-{}.{extension}", self.who.as_str(), frame.seq);
        let path = directory.join(&name);
        match tokio::fs::write(&path, &frame.image).await {
            Ok(()) => Ok(Some(name)),
            Err(source) => Err(ClientError::Record { path, source }),
        }
    }
}
