//! Mail as files: `FOLDER/DATE/NOTICE.eml`. A second attempt at a notice writes the same file, so
//! here a repeat is never seen twice.

use std::io::Write;
use std::path::{Path, PathBuf};

use duban_model::{Message, Zone};

use super::{Answer, mail::compose_mail};

/// A folder of `.eml` files.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    from: String,
}

impl Folder {
    /// Mail goes into `dir`, from the address `from`.
    pub fn new(dir: PathBuf, from: String) -> Folder {
        Folder { dir, from }
    }

    pub(super) async fn send(&self, message: &Message) -> Answer {
        let mail = match compose_mail(message, &self.from) {
            Ok(mail) => mail,
            Err(why) => return Answer::refused(why),
        };
        let day = message.at.date_in(Zone::SHANGHAI).to_string();
        let dir = self.dir.join(day);
        let name = format!("{}.eml", message.notice);
        let bytes = mail.formatted();
        let written = tokio::task::spawn_blocking(move || write(&dir, &name, &bytes)).await;
        match written {
            Ok(Ok(path)) => Answer::delivered(path.display().to_string()),
            Ok(Err(fault)) => Answer::down(fault.to_string()),
            Err(fault) => Answer::unknown(fault.to_string()),
        }
    }
}

/// Delivered means: there after a power cut. So file and folder are synced before it is said.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join(name);
    let partial = dir.join(format!(".{name}.part"));
    let mut file = std::fs::File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&partial, &path)?;
    std::fs::File::open(dir)?.sync_all()?;
    Ok(path)
}
