//! Where a role keeps its state.

use std::path::{Path, PathBuf};

use crate::medium::Medium;
use crate::simulated::SimulatedDisk;
use crate::writer::Store;
use crate::{Found, StoreError, examine};

/// A role's own place for its state. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder on disk.
    Folder(PathBuf),
    /// A disk that a simulation pulls away.
    Simulated(SimulatedDisk),
}

impl From<PathBuf> for Place {
    fn from(dir: PathBuf) -> Place {
        Place::Folder(dir)
    }
}

impl Place {
    /// Opens it. What cannot be read is set aside, never deleted, and a fresh one begun.
    pub fn open(&self) -> Result<(Store, Found), StoreError> {
        let disk = match self {
            Place::Folder(dir) => return crate::open(dir),
            Place::Simulated(disk) => disk,
        };
        let mut set_aside = None;
        let look = || {
            let mount = disk.mount();
            let marked = mount.is_marked();
            examine(mount.entries(), marked).map(|examined| (mount, examined))
        };
        let (mount, examined) = match look() {
            Ok(opened) => opened,
            Err(why) => {
                disk.empty(&why);
                set_aside = Some((PathBuf::new(), why));
                look().map_err(StoreError::Disk)?
            }
        };
        let store = Store::start_simulated(Medium::Simulated(mount), examined.sealed.clone());
        Ok((store, examined.found(set_aside)))
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Place::Folder(dir) => Some(dir),
            Place::Simulated(_) => None,
        }
    }

    /// Moves what is there out of the way, so that the next opening finds nothing.
    pub fn set_aside(&self, why: &str) -> Result<(), StoreError> {
        match self {
            Place::Folder(dir) => crate::set_folder_aside(dir, why).map(drop),
            Place::Simulated(disk) => {
                disk.empty(why);
                Ok(())
            }
        }
    }
}
