// SPDX-License-Identifier: MIT OR Apache-2.0
//! What befalls calls that nothing grants: the errnos that data/promises.toml may name, and [never].

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::document::{self, Text};

/// Errnos that a limit may name. The numbers are the same on every
/// architecture but mips and parisc, whose ENOSYS differs.
pub const ERRNOS: [(&str, u16); 5] = [
    ("EPERM", 1),
    ("ENOENT", 2),
    ("EACCES", 13),
    ("EINVAL", 22),
    ("ENOSYS", 38),
];

/// Calls that nothing may grant, for one reason.
#[derive(Clone, Debug)]
pub struct Never {
    pub group: String,
    pub why: String,
    pub calls: BTreeSet<String>,
    /// Where the group stands.
    pub at: usize,
}

/// The groups of [never] as the file has them.
pub type Keys = BTreeMap<Text, GroupKeys>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupKeys {
    why: Text,
    calls: Text,
}

/// The groups, in the order of the file.
pub fn never(keys: &Keys) -> Vec<Never> {
    let group = |(name, keys): (&Text, &GroupKeys)| Never {
        group: name.as_ref().clone(),
        why: keys.why.as_ref().clone(),
        calls: document::words(&keys.calls),
        at: name.span().start,
    };
    document::in_file_order(keys)
        .into_iter()
        .map(group)
        .collect()
}
