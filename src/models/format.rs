//! Tells model files apart by their first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::catalog::ModelFormat;

/// The format of the file, or why it is none of ours. Reads at most nine bytes.
pub(super) fn sniff(path: &Path) -> Result<ModelFormat, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut head = Vec::with_capacity(9);
    file.by_ref()
        .take(9)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    if head.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    if head.starts_with(b"GGUF") {
        return Ok(ModelFormat::Gguf);
    }
    // 0x67676d6c, stored little endian.
    if head.starts_with(b"lmgg") {
        return Ok(ModelFormat::Ggml);
    }
    // Safetensors: length of a JSON header as u64, then the header itself.
    if let [length @ .., b'{'] = head.as_slice()
        && let Ok(length) = <[u8; 8]>::try_from(length)
        && u64::from_le_bytes(length) <= size.saturating_sub(8)
    {
        return Ok(ModelFormat::Safetensors);
    }
    // ONNX is a protobuf message without a mark of its own: its first field is a small version number, and what
    // PyTorch and others write goes on with the name of the producer.
    if let [0x08, version, 0x12, ..] = head.as_slice()
        && (1..0x80).contains(version)
    {
        return Ok(ModelFormat::Onnx);
    }
    Err(format!(
        "{} is neither a GGUF, a ggml, a safetensors nor an ONNX file",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |bytes: &[u8]| {
            let path = folder.path().join("model");
            std::fs::write(&path, bytes).unwrap();
            sniff(&path)
        };
        assert_eq!(write(b"GGUF\x03\0\0\0"), Ok(ModelFormat::Gguf));
        assert_eq!(write(b"lmgg1234"), Ok(ModelFormat::Ggml));
        assert_eq!(write(b"\x02\0\0\0\0\0\0\0{}"), Ok(ModelFormat::Safetensors));
        assert_eq!(write(b"\x08\x08\x12\x07pytorch"), Ok(ModelFormat::Onnx));
        // A header longer than the file: cut off.
        assert!(write(b"\xff\0\0\0\0\0\0\0{}").is_err());
        assert!(write(b"").unwrap_err().contains("empty"));
        assert!(write(b"<html>").unwrap_err().contains("neither"));
        assert!(sniff(&folder.path().join("none")).is_err());
    }
}
