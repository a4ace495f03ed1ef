// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/promises.toml as text: its keys, and every fault in it with its place.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::super::document::{self, Lines, Text, VALUE};
use super::super::finding::{Finding, Source};
use super::super::homes::{self, ERRNOS};
use super::super::limits::{ByArch, Constant, Constants};
use super::super::names::{self, Name};
use super::super::near;
use super::super::selectors::Selector;
use super::{Definition, LIMIT, PROMISE, Promises, Rule};
use crate::promise::{Promise, Set};

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
        plain: document::words(&keys.plain.calls),
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
            calls: keys.calls.as_ref().map(document::words).unwrap_or_default(),
            rules: self.rules(&keys.limits),
            excuses: document::placed(&keys.excuses),
            asks: keys.asks.as_ref().map(document::words).unwrap_or_default(),
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
