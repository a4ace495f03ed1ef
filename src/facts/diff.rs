// SPDX-License-Identifier: MIT OR Apache-2.0
//! What became of one snapshot's facts in another, and of the promises made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::document::{key, quoted};
use super::reduce::{Grant, Reduced};
use super::{Row, Snapshot};
use crate::promise::Promise;

/// What each promise allows: promise → system calls.
pub type Promises = BTreeMap<String, BTreeSet<String>>;

/// What the promises grant, plainly or within limits, on the one libc of a
/// table; what every process keeps stands under "always".
pub fn granted(reduced: &Reduced) -> Promises {
    let Some(libc) = reduced.libcs.first() else {
        return Promises::new();
    };
    let calls = |grant: &Grant| {
        let limited = grant.limits.iter().map(|limit| reduced.limits[*limit].call);
        let places = grant.calls.iter().copied().chain(limited);
        places.map(|place| reduced.calls[place].1.clone()).collect()
    };
    let promises = Promise::all().zip(&libc.promises);
    let promises = promises.map(|(promise, grant)| (promise.name().to_owned(), calls(grant)));
    let always = ("always".to_owned(), calls(&libc.always));
    promises.chain([always]).collect()
}

/// The difference between two snapshots.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diff {
    pub effects: Vec<Change>,
    pub functions: Vec<Change>,
    /// Promise → calls lost and gained; none if nobody resolved the promises.
    pub promises: Option<BTreeMap<String, Turn>>,
}

/// A row that is not the same on both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub name: String,
    /// As it was; none if it was not.
    pub old: Option<Row>,
    /// As it is; none if it is no more.
    pub new: Option<Row>,
}

impl Change {
    /// The calls on both sides whose values are not the same: `ioctl -TCGETS +TIOCGWINSZ`.
    fn values(&self) -> Vec<String> {
        let (Some(old), Some(new)) = (&self.old, &self.new) else {
            return Vec::new();
        };
        let any = BTreeSet::from(["any".to_owned()]);
        let both = old.calls.intersection(&new.calls);
        let turn = |call: &String| {
            let of = |row: &Row| row.values.get(call).unwrap_or(&any).clone();
            let (old, new) = (of(old), of(new));
            let lost = old.difference(&new).map(|value| format!(" -{value}"));
            let gained = new.difference(&old).map(|value| format!(" +{value}"));
            let words: String = lost.chain(gained).collect();
            (!words.is_empty()).then(|| format!("{call}{words}"))
        };
        both.filter_map(turn).collect()
    }
}

/// What a promise lost and gained.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    pub lost: BTreeSet<String>,
    pub gained: BTreeSet<String>,
}

impl Diff {
    /// Compares the rows.
    pub fn new(old: &Snapshot, new: &Snapshot) -> Diff {
        Diff {
            effects: changes(&old.effects, &new.effects),
            functions: changes(&old.functions, &new.functions),
            promises: None,
        }
    }

    /// Compares also what the promises come to on each side.
    #[must_use]
    pub fn with_promises(self, old: &Promises, new: &Promises) -> Diff {
        Diff {
            promises: Some(turns(old, new)),
            ..self
        }
    }

    /// Are both sides the same?
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
            && self.functions.is_empty()
            && self.promises.as_ref().is_none_or(BTreeMap::is_empty)
    }
}

fn changes(old: &BTreeMap<String, Row>, new: &BTreeMap<String, Row>) -> Vec<Change> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| {
        let (old, new) = (old.get(name).cloned(), new.get(name).cloned());
        (old != new).then(|| Change {
            name: name.clone(),
            old,
            new,
        })
    };
    names.into_iter().filter_map(change).collect()
}

fn turns(old: &Promises, new: &Promises) -> BTreeMap<String, Turn> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let none = BTreeSet::new();
    let turn = |name: &String| {
        let (old, new) = (
            old.get(name).unwrap_or(&none),
            new.get(name).unwrap_or(&none),
        );
        let turn = Turn {
            lost: old - new,
            gained: new - old,
        };
        (turn != Turn::default()).then(|| (name.clone(), turn))
    };
    names.into_iter().filter_map(turn).collect()
}

/// Rows as the files have them, `-` before what was and `+` before what is;
/// then a line a promise that changed, which is what a reviewer reads.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (table, changes) in [("effects", &self.effects), ("functions", &self.functions)] {
            if !changes.is_empty() {
                writeln!(f, "[{table}]")?;
            }
            for Change { name, old, new } in changes {
                for (sign, row) in [('-', old), ('+', new)] {
                    if let Some(row) = row {
                        writeln!(f, "{sign}{} = {}", key(name), quoted(&row.to_string()))?;
                    }
                }
            }
        }
        let mut changes = self.effects.iter().chain(&self.functions);
        if changes.clone().any(|change| !change.values().is_empty()) {
            writeln!(f, "values changed:")?;
        }
        changes.try_for_each(|change| {
            let mut lines = change.values().into_iter();
            lines.try_for_each(|line| writeln!(f, "{}: {line}", change.name))
        })?;
        let Some(promises) = &self.promises else {
            return Ok(());
        };
        if promises.is_empty() {
            return writeln!(f, "promises: none changed");
        }
        writeln!(f, "promises changed:")?;
        for (promise, turn) in promises {
            write!(f, "{promise}:")?;
            for (sign, calls) in [('-', &turn.lost), ('+', &turn.gained)] {
                for call in calls {
                    write!(f, " {sign}{call}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::close::Closures;
    use super::*;

    fn snapshot(functions: &[(&str, &str)]) -> Snapshot {
        let row = |text| Row::parse(text).expect("a row of the test");
        let functions = functions
            .iter()
            .map(|(name, text)| (name.to_string(), row(text)))
            .collect();
        let effects = BTreeMap::from([("fatal".to_owned(), Row::default())]);
        Snapshot {
            functions,
            effects,
            ..Snapshot::default()
        }
    }

    /// rpath is open and opendir; stdio is read.
    fn promises(snapshot: &Snapshot) -> Promises {
        let closures = Closures::new(snapshot).expect("nothing dangles");
        let calls = |functions: &[&str]| {
            functions
                .iter()
                .filter_map(|f| closures.of(f))
                .flat_map(|c| c.calls)
                .collect()
        };
        BTreeMap::from([
            ("rpath".to_owned(), calls(&["open", "opendir"])),
            ("stdio".to_owned(), calls(&["read"])),
        ])
    }

    fn diff(old: &Snapshot, new: &Snapshot) -> Diff {
        Diff::new(old, new).with_promises(&promises(old), &promises(new))
    }

    #[test]
    fn glibc_2_25_to_2_26_to_2_27() {
        let old = snapshot(&[
            ("open", "open"),
            ("opendir", "open"),
            ("read", "read"),
            ("x", ""),
        ]);
        let mid = snapshot(&[
            ("open", "openat"),
            ("opendir", "open"),
            ("read", "read"),
            ("y@V", "!fatal"),
        ]);
        let new = snapshot(&[
            ("open", "openat"),
            ("opendir", "openat"),
            ("read", "read"),
            ("y@V", "!fatal"),
        ]);
        assert_eq!(
            diff(&old, &mid).to_string(),
            "[functions]\n-open = \"open\"\n+open = \"openat\"\n-x = \"\"\n+\"y@V\" = \"!fatal\"\n\
             promises changed:\nrpath: +openat\n"
        );
        assert_eq!(
            diff(&mid, &new).to_string(),
            "[functions]\n-opendir = \"open\"\n+opendir = \"openat\"\npromises changed:\nrpath: -open\n"
        );
        let same = diff(&new, &new);
        assert!(same.is_empty());
        assert_eq!(same.to_string(), "promises: none changed\n");
    }

    #[test]
    fn values_that_change_are_named() {
        let old = snapshot(&[("isatty", "ioctl[TCGETS]"), ("open", "openat[*] read")]);
        let new = snapshot(&[("isatty", "ioctl[TIOCGWINSZ]"), ("open", "openat")]);
        let text = Diff::new(&old, &new).to_string();
        let end = "values changed:\nisatty: ioctl -TCGETS +TIOCGWINSZ\nopen: openat -* +any\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn effects_are_compared_too() {
        let old = snapshot(&[]);
        let mut new = old.clone();
        new.effects
            .insert("fatal".to_owned(), Row::parse("tgkill").expect("a row"));
        let diff = Diff::new(&old, &new);
        assert!(!diff.is_empty());
        let text = "[effects]\n-fatal = \"\"\n+fatal = \"tgkill\"\n";
        assert_eq!(diff.to_string(), text);
    }
}
