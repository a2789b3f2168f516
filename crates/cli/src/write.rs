//! Writing a file that somebody asked for: never over another unasked, and never half.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::Fault;

/// What a new file may be read and written by, before the user's own mask.
const MODE: u32 = 0o666;

/// Says that a file is there, before anything is worked out for it.
pub(crate) fn refuse_existing(path: &Path, replace: bool) -> Result<(), Fault> {
    if path.is_dir() {
        return Err(format!("{}: a folder; name a file in it", path.display()).into());
    }
    if !replace && path.symlink_metadata().is_ok() {
        return Err(format!(
            "{}: the file is there already, and nothing was written. Choose another name, or say --replace",
            path.display()
        )
        .into());
    }
    Ok(())
}

/// Writes a file as a whole: under another name in the same folder, then renamed.
pub(crate) fn write_file(path: &Path, bytes: &[u8], replace: bool) -> Result<(), Fault> {
    let at = |fault: std::io::Error| format!("{}: {fault}; nothing was written", path.display());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(".duban-")
        .permissions(std::fs::Permissions::from_mode(MODE))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(at)?;
    file.write_all(bytes).map_err(at)?;
    file.as_file().sync_all().map_err(at)?;
    if replace {
        file.persist(path).map_err(|fault| at(fault.error))?;
    } else {
        // Another may have written it meanwhile.
        file.persist_noclobber(path)
            .map_err(|fault| at(fault.error))?;
    }
    Ok(())
}
