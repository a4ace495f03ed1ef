// SPDX-License-Identifier: MIT OR Apache-2.0
//! Snapshots and promises to the tables of one architecture: for each libc and promise, calls and limits.

use std::collections::{BTreeMap, BTreeSet};

use super::Snapshot;
use super::close::Closures;
use super::libcs;
use super::limits;
use super::names::Name;
use super::promises::{Definition, Promises};
use super::quirks::{self, Quirk};
use super::syscalls::Syscalls;
use super::version::Version;
use crate::promise::{Promise, Set};

/// Call → place in [`Reduced::calls`].
type Places<'a> = BTreeMap<&'a str, usize>;

/// What the library knows of one architecture; `table::Table` in owned form.
#[derive(Clone, Debug, Default)]
pub struct Reduced {
    pub arch: String,
    pub kernel: String,
    /// By number.
    pub calls: Vec<(u32, String)>,
    /// By call.
    pub limits: Vec<Limited>,
    /// Place of a call, errno.
    pub errnos: Vec<(usize, u16)>,
    pub libcs: Vec<Libc>,
    /// Place of a call, which argument of it is a path.
    pub paths: Vec<(usize, usize)>,
    /// Before the `*`, after it if there is one, errno.
    pub survivable: Vec<(String, Option<String>, u16)>,
    /// A promise, and the numbers of the calls that a broker is asked for.
    pub asks: Vec<(Promise, Vec<u32>)>,
    /// A promise, and a file that a broker opens.
    pub names: Vec<(Promise, Name)>,
}

/// One limit on one call.
#[derive(Clone, Debug)]
pub struct Limited {
    /// Place in [`Reduced::calls`].
    pub call: usize,
    /// Holds only where all of these are promised.
    pub needs: Set,
    pub refuse: bool,
    pub errno: u16,
    pub limit: limits::Limit,
    pub text: String,
}

/// What promises need on one libc.
#[derive(Clone, Debug)]
pub struct Libc {
    pub name: String,
    pub version: String,
    pub builds: Vec<String>,
    pub always: Grant,
    pub promises: Vec<Grant>,
}

/// What a promise grants on one libc, by place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grant {
    pub calls: BTreeSet<usize>,
    pub limits: BTreeSet<usize>,
}

/// A snapshot asked for what definitions reach on it.
pub struct Reach<'a> {
    closures: Closures<'a>,
}

impl<'a> Reach<'a> {
    /// The snapshot, quirks applied.
    pub fn new(snapshot: &'a Snapshot) -> Result<Reach<'a>, String> {
        let closures = Closures::new(snapshot).map_err(|dangling| dangling.to_string())?;
        Ok(Reach { closures })
    }

    /// Every call that a definition may make: by its functions and the effects
    /// that it grants, and those that no function makes.
    pub fn calls(&self, definition: &Definition) -> BTreeSet<String> {
        let mut calls = definition.calls.clone();
        for (function, _) in &definition.functions {
            calls.extend(self.function(function, definition));
        }
        calls
    }

    /// The calls of one function, with the effects that the definition grants.
    pub fn function(&self, function: &str, definition: &Definition) -> BTreeSet<String> {
        let Some(closure) = self.closures.of(function) else {
            return BTreeSet::new();
        };
        let granted = |effect: &str| definition.effects.iter().any(|(e, _)| e == effect);
        let mut calls = closure.calls;
        // What the library makes in its place, where it can: each by its own number.
        let behind = closure.values.get("socketcall").into_iter().flatten();
        calls.extend(behind.filter_map(|value| behind_socketcall(value)));
        for (effect, more) in closure.effects {
            if granted(&effect) {
                calls.extend(more);
            }
        }
        calls
    }
}

/// Of a snapshot in the data, which is named where it is at fault.
fn reach(snapshot: &Snapshot) -> Result<Reach<'_>, String> {
    let Snapshot {
        libc,
        version,
        arch,
        ..
    } = snapshot;
    Reach::new(snapshot).map_err(|what| format!("data/{libc}/{version}/{arch}.toml: {what}"))
}

/// The call that a value of socketcall(2) stands for.
fn behind_socketcall(value: &str) -> Option<String> {
    Some(match value.strip_prefix("SYS_")? {
        "ACCEPT" => "accept4".to_owned(),
        "RECV" => "recvfrom".to_owned(),
        "SEND" => "sendto".to_owned(),
        name => name.to_ascii_lowercase(),
    })
}

/// Reduce the snapshots of `arch`, quirks applied.
pub fn reduce(
    arch: &str,
    syscalls: &Syscalls,
    promises: &Promises,
    quirks: &[Quirk],
    snapshots: &[Snapshot],
) -> Result<Reduced, String> {
    let table = syscalls.table(arch);
    let calls: Vec<_> = table
        .iter()
        .map(|(nr, name)| (*nr, name.to_string()))
        .collect();
    let places: Places = table
        .iter()
        .enumerate()
        .map(|(n, (_, c))| (*c, n))
        .collect();
    let constants = promises.constants(arch);
    let mut limits = Vec::new();
    for (needs, rule) in promises.rules() {
        // A call that this architecture lacks needs no limit on it.
        let Some(call) = places.get(rule.call.as_str()) else {
            continue;
        };
        let limit = rule
            .read(arch, &constants)
            .map_err(|e| format!("{}: {e}", rule.call))?;
        let (refuse, errno, text) = (rule.refuse, rule.errno, rule.text.clone());
        limits.push(Limited {
            call: *call,
            needs,
            refuse,
            errno,
            limit,
            text,
        });
    }
    limits.sort_by_key(|limited| limited.call);
    let errnos = promises.refused.iter();
    let errnos = errnos.filter_map(|(call, errno)| Some((*places.get(call.as_str())?, *errno)));
    let mut here: Vec<_> = snapshots.iter().filter(|s| s.arch == arch).collect();
    here.sort_by_key(|s| (s.libc.clone(), Version::parse(&s.version)));
    let paths = promises.paths.iter();
    let paths = paths.filter_map(|(call, arg)| Some((*places.get(call.as_str())?, *arg)));
    let split = |(name, errno): &(String, u16)| match name.split_once('*') {
        Some((head, tail)) => (head.to_owned(), Some(tail.to_owned()), *errno),
        None => (name.clone(), None, *errno),
    };
    let mut reduced = Reduced {
        arch: arch.to_owned(),
        kernel: syscalls.kernel.to_string(),
        calls,
        errnos: errnos.collect(),
        limits,
        libcs: Vec::new(),
        paths: paths.collect(),
        survivable: promises.survivable.iter().map(split).collect(),
        asks: asks(promises, &table),
        names: names(promises),
    };
    let here: Vec<_> = here.iter().map(|s| quirks::apply(s, quirks)).collect();
    let mut libcs = Vec::new();
    for same in here.chunk_by(|a, b| a.libc == b.libc) {
        for snapshot in same {
            libcs.push(reduced.libc(snapshot, promises, &places)?);
        }
        libcs.extend(reduced.later(same, &here, promises, &places)?);
    }
    reduced.libcs = libcs;
    Ok(reduced)
}

/// The numbers of the calls that each promise asks a broker for.
fn asks(promises: &Promises, table: &[(u32, &str)]) -> Vec<(Promise, Vec<u32>)> {
    let asks = Promise::all().map(|promise| {
        let calls = &promises.definition(promise).asks;
        let here = table.iter().filter(|(_, name)| calls.contains(*name));
        (promise, here.map(|(nr, _)| *nr).collect::<Vec<_>>())
    });
    asks.filter(|(_, calls)| !calls.is_empty()).collect()
}

fn names(promises: &Promises) -> Vec<(Promise, Name)> {
    let of = |promise: Promise| {
        let names = promises.definition(promise).names.iter().cloned();
        names.map(move |name| (promise, name))
    };
    Promise::all().flat_map(of).collect()
}

impl Reduced {
    fn libc(
        &self,
        snapshot: &Snapshot,
        promises: &Promises,
        places: &Places,
    ) -> Result<Libc, String> {
        let reach = reach(snapshot)?;
        let calls = |definition: &Definition| reach.calls(definition);
        let (always, all) = self.grants(calls, promises, places);
        let objects = snapshot
            .builds
            .iter()
            .flat_map(|build| build.objects.first());
        Ok(Libc {
            name: snapshot.libc.clone(),
            version: snapshot.version.clone(),
            builds: objects
                .map(|o| o.build_id.clone())
                .filter(|id| !id.is_empty())
                .collect(),
            always,
            promises: all,
        })
    }

    /// What promised functions that the newest of `same` lacks need where the
    /// newest of the other libcs have them: a later version may have them, too.
    fn later(
        &self,
        same: &[Snapshot],
        here: &[Snapshot],
        promises: &Promises,
        places: &Places,
    ) -> Result<Option<Libc>, String> {
        let Some(newest) = same.last().filter(|s| libcs::is_host(&s.libc)) else {
            return Ok(None);
        };
        let others = here.chunk_by(|a, b| a.libc == b.libc);
        let others = others.filter_map(<[_]>::last);
        let others = others.filter(|s| s.libc != newest.libc && libcs::is_host(&s.libc));
        let others = others.map(reach).collect::<Result<Vec<_>, _>>()?;
        let calls = |definition: &Definition| {
            let names = definition.functions.iter().map(|(name, _)| name);
            let lacked = names.filter(|name| !newest.functions.contains_key(*name));
            let reached =
                lacked.flat_map(|name| others.iter().map(|o| o.function(name, definition)));
            reached.flatten().collect()
        };
        let (always, all) = self.grants(calls, promises, places);
        let nothing = Grant::default();
        if always == nothing && all.iter().all(|grant| *grant == nothing) {
            return Ok(None);
        }
        Ok(Some(Libc {
            name: newest.libc.clone(),
            version: format!("{}+", newest.version),
            builds: Vec::new(),
            always,
            promises: all,
        }))
    }

    /// What every process keeps, and what each promise grants, of the calls that
    /// definitions reach.
    fn grants(
        &self,
        calls: impl Fn(&Definition) -> BTreeSet<String>,
        promises: &Promises,
        places: &Places,
    ) -> (Grant, Vec<Grant>) {
        let grant = |set: Set, definition: &Definition| {
            self.grant(set, &calls(definition), promises, places)
        };
        let each = |promise| grant(Set::EMPTY.with(promise), promises.definition(promise));
        let always = grant(Set::EMPTY, &promises.always);
        (always, Promise::all().map(each).collect())
    }

    /// What of `made` a promise grants: plain calls, and limits on the rest.
    fn grant(
        &self,
        of: Set,
        made: &BTreeSet<String>,
        promises: &Promises,
        places: &Places,
    ) -> Grant {
        let mut grant = Grant::default();
        let always = of.is_empty();
        for call in made {
            let Some(place) = places.get(call.as_str()) else {
                continue;
            };
            let limits = self.limits.iter().enumerate().filter(|(_, l)| {
                l.call == *place
                    && (if always {
                        l.needs.is_empty()
                    } else {
                        of.is_subset(l.needs)
                    })
            });
            let limits: Vec<_> = limits.map(|(n, _)| n).collect();
            if promises.plain.contains(call) && !always {
                grant.calls.insert(*place);
            }
            grant.limits.extend(limits);
        }
        grant
    }
}
