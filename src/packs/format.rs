//! The fixed words of the pack format: those that code depends on.
//!
//! Words that only people read (purposes, data, kinds of evidence) stand in `vocab.toml`.

/// An enum whose values are words of a file.
pub(super) trait Word: Copy + 'static {
    /// Each word with its value.
    const ALL: &'static [(&'static str, Self)];
}

macro_rules! words {
    (
        $(#[$doc:meta])*
        $vis:vis enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:tt,)+ }
    ) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        $vis enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The word itself.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl Word for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];
        }
    };
}

words! {
    /// What a pack is about.
    pub enum PackKind {
        /// A maker's phones and tablets.
        Phone = "phone",
        /// Televisions and streaming boxes.
        Tv = "tv",
        /// Computers and their systems.
        Computer = "computer",
        /// Game consoles.
        Console = "console",
        /// Speakers.
        Speaker = "speaker",
        /// Cameras.
        Camera = "camera",
        /// Things of the home.
        Appliance = "appliance",
        /// Printers.
        Printer = "printer",
        /// Routers and network storage.
        Router = "router",
        /// Mobile operators.
        Operator = "operator",
        /// Apps.
        App = "app",
        /// What devices of several makers have in common.
        Shared = "shared",
    }
}

words! {
    /// What an entry covers.
    pub enum Scope {
        /// The name alone.
        Exact = "exact",
        /// The name and all below it.
        Subtree = "subtree",
    }
}

words! {
    /// What an entry wants, without its level.
    pub enum ActionWord {
        /// Let it through, whatever less specific entries say.
        Allow = "allow",
        /// Let it through, and mark it.
        Watch = "watch",
        /// Answer it here.
        Block = "block",
    }
}

words! {
    /// How thin the evidence for a block may be; each level includes the ones before it.
    pub enum Level {
        /// Measured or documented, and nothing breaks.
        Safe = "safe",
        /// Reports, or three families of lists, agree.
        Standard = "standard",
        /// Thin evidence, or something may break.
        Strict = "strict",
    }
}

words! {
    /// Where in the world devices ask for a name.
    pub enum Region {
        /// Devices sold in China.
        Cn = "cn",
        /// Devices sold elsewhere.
        Global = "global",
        /// Nobody has looked.
        Unknown = "unknown",
    }
}

words! {
    /// How bad it is when a name is blocked.
    pub enum Severity {
        /// Nothing was noticed.
        None = "none",
        /// Nobody has tried.
        Unknown = "unknown",
        /// Something looks wrong.
        Cosmetic = "cosmetic",
        /// A function stops.
        Feature = "feature",
        /// The device stops working.
        Device = "device",
    }
}

words! {
    /// How sure an entry is; computed from its evidence, never typed.
    pub enum Confidence {
        /// Measured by a study.
        A = "A",
        /// Documented by the vendor, or seen in a laboratory.
        B = "B",
        /// Reported by users, or found in the software.
        C = "C",
        /// Three families of block lists or more.
        D = "D",
        /// Fewer.
        E = "E",
    }
}

impl Confidence {
    /// What it rests on, for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::A => "measured by a study",
            Self::B => "documented by the vendor, or seen in a laboratory",
            Self::C => "reported by users, or found in the software",
            Self::D => "at least three independent block lists agree",
            Self::E => "one or two block lists only",
        }
    }
}

words! {
    /// What may be taken from a source or a list.
    pub enum Quote {
        /// Only facts, in our own words.
        Facts = "facts",
        /// Whole rows, under the license named.
        Rows = "rows",
    }
}
