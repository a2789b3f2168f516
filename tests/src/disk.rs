//! Small disks for tests: file systems in memory, mounted where nobody else sees them.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Set for a test that runs among mounts of its own.
const INSIDE: &str = "DUBAN_TEST_OWN_MOUNTS";

/// Runs the calling test again in a process whose mounts are its own, so that none is left behind
/// however it ends: true inside of it, false outside once that has passed.
///
/// # Panics
/// When it fails inside, or this machine does not let it mount. Nothing is skipped.
pub fn among_own_mounts(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    // As root; else as somebody who is root in a user namespace.
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let works = |way: &&&[&str]| {
        let mut tried = Command::new("unshare");
        let tried = tried.args(**way).arg("true").stderr(Stdio::null());
        tried.status().is_ok_and(|status| status.success())
    };
    let way = ways.iter().find(works).unwrap_or_else(|| {
        panic!(
            "{test} mounts a small disk, and `unshare --mount` is not allowed here: run it as \
             root, or where user namespaces are allowed"
        )
    });
    let own = std::env::current_exe().expect("this test's own path");
    let status = Command::new("unshare")
        .args(*way)
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .expect("the program `unshare`");
    assert!(status.success(), "{test}: {status}; see above");
    false
}

/// A file system in memory, of a size in MiB.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts one.
    ///
    /// # Panics
    /// When it cannot be mounted; call [`among_own_mounts`] before.
    pub fn mount(mebibytes: u32) -> SmallDisk {
        let disk = SmallDisk(tempfile::tempdir().expect("a temporary folder"));
        disk.call(&["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]);
        disk
    }

    /// Gives it another size.
    ///
    /// # Panics
    /// When that is refused.
    pub fn resize(&self, mebibytes: u32) {
        self.call(&["-o", &format!("remount,size={mebibytes}m")]);
    }

    /// Makes it read-only, or writable again. Nobody may have files open for writing.
    ///
    /// # Panics
    /// When that is refused.
    pub fn set_read_only(&self, read_only: bool) {
        let mode = if read_only { "ro" } else { "rw" };
        self.call(&["-o", &format!("remount,{mode}")]);
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn call(&self, args: &[&str]) {
        let said = Command::new("mount").args(args).arg(self.path()).output();
        let said = said.expect("the program `mount`");
        let why = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "mount {args:?}: {why}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The folder goes after this, and only an empty one can.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
