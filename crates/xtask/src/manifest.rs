//! Reads the workspace's manifests through `cargo metadata`, so that nothing here parses TOML.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the product.
    Normal,
    /// In tests only.
    Dev,
    /// In build scripts only.
    Build,
}

/// One line of a manifest's dependency tables.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The package depended on.
    pub name: String,
    /// What for.
    pub kind: Kind,
    /// Features asked for.
    pub features: Vec<String>,
    /// Whether the package's default features are asked for too.
    pub default_features: bool,
}

/// One package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name, e.g. `duban-rules`.
    pub name: String,
    /// Everything its manifest lists.
    pub dependencies: Vec<Dependency>,
    /// True if it has a build script.
    pub has_build_script: bool,
}

/// The workspace as its manifests describe it.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Where compiled files go.
    pub target: PathBuf,
    /// Its packages.
    pub packages: Vec<Package>,
}

/// The cargo that runs us, or the one on the path.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs `cargo metadata` with further arguments and reads its answer.
pub fn metadata(root: &Path, arguments: &[&str]) -> Result<Value, String> {
    let output = cargo(root)
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .output()
        .map_err(|fault| {
            format!(
                "cargo cannot be started: {fault}. Install Rust and run this through `cargo xtask`."
            )
        })?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata failed: {}. Mend the manifests; if Cargo.lock is behind them, run `cargo check` and commit it.",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|fault| {
        format!("cargo metadata gave no JSON: {fault}. Use the Rust release that Cargo.toml names.")
    })
}

/// Reads the manifests of the workspace at `root`; asks for nothing from any registry.
pub fn workspace(root: &Path) -> Result<Workspace, String> {
    let answer = metadata(root, &["--no-deps", "--offline"])?;
    let packages = list(&answer, "packages")
        .iter()
        .map(|package| Package {
            name: text(package, "name"),
            dependencies: list(package, "dependencies")
                .iter()
                .map(|dependency| Dependency {
                    name: text(dependency, "name"),
                    kind: match dependency["kind"].as_str() {
                        Some("dev") => Kind::Dev,
                        Some("build") => Kind::Build,
                        _ => Kind::Normal,
                    },
                    features: list(dependency, "features")
                        .iter()
                        .filter_map(|f| f.as_str().map(ToOwned::to_owned))
                        .collect(),
                    default_features: dependency["uses_default_features"]
                        .as_bool()
                        .unwrap_or(true),
                })
                .collect(),
            has_build_script: list(package, "targets").iter().any(|target| {
                list(target, "kind")
                    .iter()
                    .any(|kind| kind.as_str() == Some("custom-build"))
            }),
        })
        .collect();
    Ok(Workspace {
        target: PathBuf::from(text(&answer, "target_directory")),
        packages,
    })
}

/// A member that is a text; empty if it is not.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// A member that is a list; empty if it is not.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}
