// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/promises.toml: what each promise stands for, and the limits within which it grants a call.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::document::{self, Lines, Text, VALUE};
use super::finding::{Finding, Source};
use super::homes::{self, ERRNOS, Never};
use super::limits::{self, ByArch, Constant, Constants, Limit};
use super::names::{self, Name};
use super::near;
use super::selectors::{Selector, Selectors};
use crate::promise::{Promise, Set};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    release: Text,
    plain: CallsKeys,
    refused: Lines,
    #[serde(default)]
    never: homes::Keys,
    #[serde(default)]
    survivable: Lines,
    arguments: Lines,
    #[serde(default)]
    selectors: Lines,
    constants: Lines,
    always: DefinitionKeys,
    promise: BTreeMap<Text, DefinitionKeys>,
    together: BTreeMap<Text, BTreeMap<Text, Spanned<RuleKeys>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallsKeys {
    calls: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefinitionKeys {
    help: Option<Text>,
    #[serde(default)]
    functions: Vec<Text>,
    #[serde(default)]
    effects: Vec<Text>,
    calls: Option<Text>,
    #[serde(default)]
    limits: BTreeMap<Text, Spanned<RuleKeys>>,
    #[serde(default)]
    excuses: Lines,
    asks: Option<Text>,
    #[serde(default)]
    names: Lines,
    broker: Option<Text>,
    covered: Option<Text>,
    partial: Option<Text>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RuleKeys {
    When(String),
    One(LongRule),
    Several(Vec<LongRule>),
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct LongRule {
    when: Option<String>,
    refuse: Option<String>,
    r#else: Option<String>,
}

struct Reader<'a> {
    source: &'a Source<'a>,
    arguments: BTreeMap<String, ByArch>,
    constants: BTreeMap<String, Constant>,
    /// The same, as architectures have them that are not named.
    common: Constants,
    findings: Vec<Finding>,
}

/// Read the file.
pub fn read(source: &Source) -> Result<Promises, Vec<Finding>> {
    let keys: Keys = document::read(source)?;
    let mut reader = Reader {
        source,
        arguments: BTreeMap::new(),
        constants: BTreeMap::new(),
        common: Constants::new(),
        findings: Vec::new(),
    };
    reader.arguments(&keys.arguments);
    reader.constants(&keys.constants);
    let promises = Promises {
        release: keys.release.as_ref().clone(),
        plain: words(&keys.plain.calls),
        refused: reader.refused(&keys.refused),
        never: homes::never(&keys.never),
        survivable: reader.survivable(&keys.survivable),
        paths: reader.paths(),
        always: reader.definition(&keys.always),
        promises: reader.promises(&keys.promise),
        together: reader.together(&keys.together),
        selectors: reader.selectors(&keys.selectors),
        arguments: std::mem::take(&mut reader.arguments),
        constants: std::mem::take(&mut reader.constants),
    };
    if reader.findings.is_empty() {
        Ok(promises)
    } else {
        Err(reader.findings)
    }
}

pub(super) fn words(text: &Text) -> BTreeSet<String> {
    text.as_ref()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn placed(list: &[Text]) -> Vec<(String, usize)> {
    list.iter()
        .map(|text| (text.as_ref().clone(), text.span().start))
        .collect()
}

impl Reader<'_> {
    fn find(&mut self, rule: &'static str, at: usize, what: String, help: impl Into<String>) {
        self.findings
            .push(self.source.finding(rule, at, what, help));
    }

    fn arguments(&mut self, lines: &Lines) {
        for (call, text) in lines {
            match ByArch::parse(text.as_ref()) {
                Ok(arguments) => {
                    self.arguments.insert(call.as_ref().clone(), arguments);
                }
                Err(what) => {
                    self.find(VALUE, text.span().start, what, "as in \"int fd, ptr path\"")
                }
            }
        }
    }

    fn constants(&mut self, lines: &Lines) {
        for (name, text) in lines {
            match Constant::parse(text.as_ref()) {
                Some(value) => {
                    self.common.insert(name.as_ref().clone(), value.of(""));
                    self.constants.insert(name.as_ref().clone(), value);
                }
                None => self.find(
                    VALUE,
                    text.span().start,
                    format!("{:?} is no number", text.as_ref()),
                    "write a number, then `arch,arch:number` where it differs",
                ),
            }
        }
    }

    fn errno(&mut self, name: &str, at: usize) -> u16 {
        let found = ERRNOS.iter().find(|(n, _)| *n == name);
        if found.is_none() {
            let known = ERRNOS.iter().map(|(n, _)| *n);
            let help = near::advice(name, known, "EPERM, EACCES, EINVAL or ENOSYS");
            self.find(
                VALUE,
                at,
                format!("{name:?} is no errno that a limit may name"),
                help,
            );
        }
        found.map_or(0, |(_, n)| *n)
    }

    fn survivable(&mut self, lines: &Lines) -> Vec<(String, u16)> {
        let mut list = Vec::new();
        for (name, text) in document::in_file_order(lines) {
            let at = name.span().start;
            let name = name.as_ref();
            if !name.starts_with('/') || name.matches('*').count() > 1 {
                let what = format!("{name:?} is no absolute path with at most one *");
                self.find(VALUE, at, what, "see data/README.md for the grammar");
            }
            list.push((name.clone(), self.errno(text.as_ref(), text.span().start)));
        }
        list
    }

    /// The argument that is called `path`, of each call that has one.
    fn paths(&self) -> BTreeMap<String, usize> {
        let path = |a: &ByArch| a.common.0.iter().position(|(name, _)| name == "path");
        let calls = self.arguments.iter();
        calls
            .filter_map(|(call, a)| Some((call.clone(), path(a)?)))
            .collect()
    }

    fn selectors(&mut self, lines: &Lines) -> BTreeMap<String, Selector> {
        let mut selectors = BTreeMap::new();
        for (call, text) in lines {
            let none = ByArch::default();
            let arguments = self.arguments.get(call.as_ref()).unwrap_or(&none);
            match Selector::parse(text.as_ref(), &arguments.common, self.constants.keys()) {
                Ok(selector) => drop(selectors.insert(call.as_ref().clone(), selector)),
                Err(what) => {
                    let help = "write an argument, perhaps &, and names like \"F_*\"";
                    self.find(VALUE, text.span().start, what, help);
                }
            }
        }
        selectors
    }

    fn refused(&mut self, lines: &Lines) -> BTreeMap<String, u16> {
        let line = |(call, text): (&Text, &Text)| {
            (
                call.as_ref().clone(),
                self.errno(text.as_ref(), text.span().start),
            )
        };
        lines.iter().map(line).collect()
    }

    fn definition(&mut self, keys: &DefinitionKeys) -> Definition {
        let text = |t: &Option<Text>| t.as_ref().map(|t| t.as_ref().clone());
        Definition {
            help: text(&keys.help).unwrap_or_default(),
            functions: placed(&keys.functions),
            effects: placed(&keys.effects),
            calls: keys.calls.as_ref().map(words).unwrap_or_default(),
            rules: self.rules(&keys.limits),
            excuses: document::placed(&keys.excuses),
            asks: keys.asks.as_ref().map(words).unwrap_or_default(),
            names: self.names(&keys.names),
            broker: text(&keys.broker),
            covered: keys
                .covered
                .as_ref()
                .map_or(Set::EMPTY, |words| self.set(words)),
            partial: text(&keys.partial),
        }
    }

    fn names(&mut self, lines: &Lines) -> Vec<Name> {
        let mut list = Vec::new();
        for (path, text) in document::in_file_order(lines) {
            match names::read(path.as_ref(), text.as_ref()) {
                Ok(name) => list.push(name),
                Err(what) => {
                    let help = "see data/README.md for the grammar";
                    self.find(VALUE, path.span().start, what, help);
                }
            }
        }
        list
    }

    fn promises(
        &mut self,
        all: &BTreeMap<Text, DefinitionKeys>,
    ) -> BTreeMap<&'static str, Definition> {
        let mut promises = BTreeMap::new();
        for (word, keys) in all {
            if let Some(promise) = self.promise(word.as_ref(), word.span().start) {
                promises.insert(promise.name(), self.definition(keys));
            }
        }
        for promise in Promise::all().filter(|p| !promises.contains_key(p.name())) {
            let what = format!("the promise {:?} is missing", promise.name());
            self.findings
                .push(self.source.finding(PROMISE, 0, what, "add its section"));
        }
        promises
    }

    fn promise(&mut self, word: &str, at: usize) -> Option<Promise> {
        let promise = Promise::from_name(word);
        if promise.is_none() {
            let known = Promise::all().map(Promise::name);
            let help = near::advice(word, known, "see pledge(3) for the words");
            self.find(PROMISE, at, format!("{word:?} is no promise"), help);
        }
        promise
    }

    fn together(
        &mut self,
        all: &BTreeMap<Text, BTreeMap<Text, Spanned<RuleKeys>>>,
    ) -> Vec<(Set, Vec<Rule>)> {
        let mut list = Vec::new();
        for (words, limits) in document::in_file_order(all) {
            let needs = self.set(words);
            list.push((needs, self.rules(limits)));
        }
        list
    }

    /// Words with a space between them.
    fn set(&mut self, words: &Text) -> Set {
        let mut set = Set::EMPTY;
        for word in words.as_ref().split(' ') {
            if let Some(promise) = self.promise(word, words.span().start) {
                set = set.with(promise);
            }
        }
        set
    }

    fn rules(&mut self, limits: &BTreeMap<Text, Spanned<RuleKeys>>) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut in_order: Vec<_> = limits.iter().collect();
        in_order.sort_by_key(|(call, _)| call.span().start);
        for (call, keys) in in_order {
            let at = keys.span().start;
            let several = match keys.as_ref() {
                RuleKeys::When(text) => {
                    vec![LongRule {
                        when: Some(text.clone()),
                        refuse: None,
                        r#else: None,
                    }]
                }
                RuleKeys::One(one) => vec![one.clone()],
                RuleKeys::Several(list) => list.clone(),
            };
            for one in several {
                rules.extend(self.rule(call.as_ref(), &one, at));
            }
        }
        rules
    }

    fn rule(&mut self, call: &str, keys: &LongRule, at: usize) -> Option<Rule> {
        let (text, refuse) = match (&keys.when, &keys.refuse) {
            (Some(text), None) => (text.clone(), false),
            (None, Some(text)) => (text.clone(), true),
            _ => {
                self.find(
                    LIMIT,
                    at,
                    format!("{call}: not one of `when` and `refuse`"),
                    "give one",
                );
                return None;
            }
        };
        let errno = keys.r#else.as_ref().map_or(0, |name| self.errno(name, at));
        if refuse && errno == 0 {
            self.find(
                LIMIT,
                at,
                format!("{call}: `refuse` without `else`"),
                "name an errno",
            );
        }
        let arguments = self.arguments.get(call).cloned().unwrap_or_default();
        let rule = Rule {
            call: call.to_owned(),
            text,
            refuse,
            errno,
            arguments,
        };
        if let Err(what) = rule.read("", &self.common) {
            self.find(
                LIMIT,
                at,
                format!("{call}: {what}"),
                "see the grammar in data/README.md",
            );
        }
        Some(rule)
    }
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
