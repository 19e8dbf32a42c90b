//! `devices.toml`: how devices are recognized, and which packs to suggest for them. It is held to
//! the same rules as the packs (P02, P05, P08).

use super::super::finding::Code;
use super::super::format::PackKind;
use super::super::read::{File, nearest};
use super::super::shape::Shape;
use super::super::vocabulary::check_order;
use super::{Files, Notes};

pub(super) fn check(files: &Files, notes: &mut Notes) {
    // Folders with nothing but packs do without it.
    let Some((label, text)) = files.text("devices.toml") else {
        return;
    };
    let file = File::new(&label, text);
    let packs: Vec<&str> = files.pack_ids().collect();
    if let Some(mut root) = file.root() {
        root.schema();
        let mut ids = Vec::new();
        for mut table in root.tables("device") {
            ids.extend(table.text("id", &Shape::ID));
            table.plain_text("name", &Shape::NAME);
            table.word::<PackKind>("kind");
            let suggested = table.some_texts("packs", &Shape::ID).unwrap_or_default();
            for key in ["makers", "host_names"] {
                table.texts(key, &Shape::NAME);
            }
            table.texts("asks", &Shape::DOMAIN);
            table.said_flag("maker_alone");
            table.finish();
            for id in suggested
                .iter()
                .filter(|id| !packs.contains(&id.value.as_str()))
            {
                let hint =
                    nearest(&id.value, &packs).map(|near| format!("; did you mean `{near}`?"));
                let message = format!(
                    "there is no pack `{}`{}",
                    id.value,
                    hint.unwrap_or_default()
                );
                file.refuse(id.line, Code::P08, message);
            }
        }
        check_order(&file, ids.iter());
        root.finish();
    }
    notes.0.extend(file.into_findings());
}
