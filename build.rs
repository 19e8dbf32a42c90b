//! Finds what the binary embeds: the built dashboard, and the packs.
//!
//! Debug builds work without the dashboard, so that nobody needs Node to work on the server;
//! a release without it would be half a product, and is refused.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let built = root.join("web/dist");
    let is_built = built.join("index.html").exists();
    if !is_built && env::var("PROFILE").as_deref() == Ok("release") {
        println!(
            "cargo::error=the dashboard is not built: run `make build`, which builds it first"
        );
        return;
    }
    let empty = out.join("no-dashboard");
    fs::create_dir_all(&empty).expect("OUT_DIR can be written");
    let dist = if is_built { built.clone() } else { empty };
    println!("cargo::rustc-env=EMBEDDED_WEB={}", dist.display());
    // The macro that embeds folders does not see their changes; a new value here does.
    let packs = root.join("blocklists");
    println!(
        "cargo::rustc-env=EMBEDDED_DIGEST={:x}",
        digest(&[&dist, &packs])
    );
    // Watching `web` while nothing is built yet notices the first build, too.
    let watched = if is_built { built } else { root.join("web") };
    for path in [packs, watched, root.join("build.rs")] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// Changes when any file of these folders does.
fn digest(folders: &[&Path]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for folder in folders {
        add(folder, &mut hasher);
    }
    hasher.finish()
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    if let Ok(entries) = fs::read_dir(path) {
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            add(&path, hasher);
        }
    } else {
        fs::read(path).unwrap_or_default().hash(hasher);
    }
}
