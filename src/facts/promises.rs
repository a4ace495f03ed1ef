// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/promises.toml: what each promise stands for, and the limits within which it grants a call.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use super::homes::Never;
use super::limits::{self, ByArch, Constant, Constants, Limit};
use super::names::Name;
use super::selectors::{Selector, Selectors};
use crate::promise::{Promise, Set};

pub use read::read;

/// A word that no promise has.
pub const PROMISE: &str = "unknown-promise";
/// A limit that cannot be read.
pub const LIMIT: &str = "limit";

/// The file.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Release of the data.
    pub release: String,
    /// Calls that need no limit to be granted.
    pub plain: BTreeSet<String>,
    /// Calls that fail with an errno where nothing grants them.
    pub refused: BTreeMap<String, u16>,
    /// Calls that nothing may grant.
    pub never: Vec<Never>,
    /// Names that a libc lives without; one `*` stands for any characters.
    pub survivable: Vec<(String, u16)>,
    /// Which argument of a call is a path.
    pub paths: BTreeMap<String, usize>,
    /// What every pledged process keeps.
    pub always: Definition,
    /// By promise.
    pub promises: BTreeMap<&'static str, Definition>,
    /// Limits where several promises are held.
    pub together: Vec<(Set, Vec<Rule>)>,
    /// Which argument of a call selects what it does.
    pub selectors: BTreeMap<String, Selector>,
    arguments: BTreeMap<String, ByArch>,
    constants: BTreeMap<String, Constant>,
}

/// What one promise stands for.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    pub help: String,
    /// Functions of the C library, and where in the file they stand.
    pub functions: Vec<(String, usize)>,
    pub effects: Vec<(String, usize)>,
    /// Calls that no function makes: those of the kernel's own roads.
    pub calls: BTreeSet<String>,
    pub rules: Vec<Rule>,
    /// Calls with a value that it refuses to its own functions, why, and where that stands.
    pub excuses: Vec<(String, String, usize)>,
    /// Calls that a broker is asked for where no limit lets them through.
    pub asks: BTreeSet<String>,
    /// Files that a broker opens, in the order of the file.
    pub names: Vec<Name>,
    /// Why neither a filter nor a broker serves it.
    pub broker: Option<String>,
    /// Promises beside which it grants nothing more, and so needs no broker.
    pub covered: Set,
    /// What of it a filter alone cannot see.
    pub partial: Option<String>,
}

/// One limit on one call, read for no architecture yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub call: String,
    /// `never` allows nothing: only `otherwise` counts.
    pub text: String,
    /// What satisfies it is refused with `errno`, not granted.
    pub refuse: bool,
    /// Of a call that is refused, or that satisfies nothing; 0: a violation.
    pub errno: u16,
    arguments: ByArch,
}

impl Rule {
    /// The limit itself, with the arguments and constants of one architecture.
    pub fn read(&self, arch: &str, constants: &Constants) -> Result<Limit, String> {
        // A limit that cannot look at what it must holds never.
        if self.text == "never" || self.text != "any" && self.arguments.are_hidden(arch) {
            return Ok(Limit::default());
        }
        limits::parse(&self.text, self.arguments.of(arch), constants)
    }
}

impl Promises {
    /// What the names in limits stand for on `arch`.
    pub fn constants(&self, arch: &str) -> Constants {
        let constants = self.constants.iter();
        constants
            .map(|(name, c)| (name.clone(), c.of(arch)))
            .collect()
    }

    /// How the argument that selects is read and named on `arch`.
    pub fn selectors(&self, arch: &str) -> Selectors {
        let constants = self.constants(arch);
        let calls = self.selectors.iter().filter(|(_, s)| s.is_for(arch));
        Selectors::new(calls.filter_map(|(call, selector)| {
            let at = self
                .arguments
                .get(call)?
                .of(arch)
                .place(&selector.argument)?;
            Some((call.clone(), selector.on(at, &constants)))
        }))
    }

    /// Promises that neither a filter nor a broker serves.
    pub fn broker(&self) -> Set {
        self.those(|definition| definition.broker.is_some())
    }

    /// Promises that others make unnecessary, and those others.
    pub fn covered(&self) -> Vec<(Set, Set)> {
        let covered = Promise::all().map(|promise| {
            let by = self.definition(promise).covered;
            (Set::EMPTY.with(promise), by)
        });
        covered.filter(|(_, by)| !by.is_empty()).collect()
    }

    /// Promises of which a filter alone cannot see all.
    pub fn partial(&self) -> Set {
        self.those(|definition| definition.partial.is_some())
    }

    fn those(&self, says: impl Fn(&Definition) -> bool) -> Set {
        Promise::all()
            .filter(|promise| says(self.definition(*promise)))
            .fold(Set::EMPTY, Set::with)
    }

    /// What `promise` stands for.
    pub fn definition(&self, promise: Promise) -> &Definition {
        &self.promises[promise.name()]
    }

    /// Every definition with its promises: those of one, then those of several.
    pub fn rules(&self) -> impl Iterator<Item = (Set, &Rule)> {
        let always = self.always.rules.iter().map(|rule| (Set::EMPTY, rule));
        let one = Promise::all().flat_map(|promise| {
            let rules = &self.definition(promise).rules;
            rules
                .iter()
                .map(move |rule| (Set::EMPTY.with(promise), rule))
        });
        let several = self
            .together
            .iter()
            .flat_map(|(set, rules)| rules.iter().map(|r| (*set, r)));
        always.chain(one).chain(several)
    }
}
