// SPDX-License-Identifier: MIT OR Apache-2.0
//! The language of limits: `flags & O_ACCMODE|O_CREAT == O_RDONLY and mode & 07000 == 0`.
//!
//! A limit is clauses parted by `or`, a clause is tests parted by `and`, a
//! test is `ARGUMENT [& BITS] == VALUE`, `!= VALUE`, `in VALUE, VALUE` or
//! `not in VALUE, VALUE`. Arguments carry the names that the call's line in
//! `[arguments]` gives them; values are numbers, constants joined by `|`, or
//! what only a process knows: SELF (its id), UID and GID (its effective
//! user and group) and REPORT (where its report lies).

use std::collections::BTreeMap;

/// Clauses, of which one must hold; no clause at all holds never.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limit(pub Vec<Vec<Test>>);

/// One look at one argument; see `table::Test`, which this becomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    pub arg: u8,
    pub wide: bool,
    pub mask: u64,
    pub negated: bool,
    pub values: Vec<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    Number(u64),
    SelfPid,
    Report,
    Uid,
    Gid,
}

/// The arguments of one call, in order: name, and whether both halves count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Arguments(pub Vec<(String, bool)>);

impl Arguments {
    /// Read `int dirfd, ptr path, int flags`: `int` has 32 bits, `ptr` and
    /// `long` have the width of a register.
    pub fn parse(text: &str) -> Result<Arguments, String> {
        let one = |part: &str| {
            let (kind, name) = part
                .trim()
                .split_once(' ')
                .ok_or_else(|| format!("\"{}\": write a kind and a name", part.trim()))?;
            match kind {
                "int" => Ok((name.trim().to_string(), false)),
                "ptr" | "long" => Ok((name.trim().to_string(), true)),
                _ => Err(format!("\"{kind}\": kinds are int, long and ptr")),
            }
        };
        let list = text.split(',').map(one).collect::<Result<Vec<_>, _>>()?;
        if list.len() > 6 {
            return Err(format!(
                "{} arguments: a system call has six at most",
                list.len()
            ));
        }
        Ok(Arguments(list))
    }

    /// The place of an argument.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(n, _)| n == name)
    }

    fn find(&self, name: &str) -> Result<(u8, bool), String> {
        let found = self.place(name);
        let at =
            found.ok_or_else(|| format!("\"{name}\": the call has no argument of that name"))?;
        Ok((at as u8, self.0[at].1))
    }
}

/// A call's arguments, and the architectures that take them in another order;
/// or behind a pointer, where a filter sees none of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ByArch {
    pub common: Arguments,
    others: BTreeMap<String, Arguments>,
}

impl ByArch {
    /// Read `int flags, ptr stack; s390x: ptr stack, int flags; x86: -`.
    pub fn parse(text: &str) -> Result<ByArch, String> {
        let mut parts = text.split(';');
        let common = Arguments::parse(parts.next().unwrap_or(""))?;
        let mut others = BTreeMap::new();
        for part in parts {
            let (arches, list) = part
                .split_once(':')
                .ok_or_else(|| format!("\"{}\": no architecture before it", part.trim()))?;
            let list = match list.trim() {
                "-" => Arguments::default(),
                list => Arguments::parse(list)?,
            };
            others.extend(
                arches
                    .split(',')
                    .map(|a| (a.trim().to_owned(), list.clone())),
            );
        }
        Ok(ByArch { common, others })
    }

    pub fn of(&self, arch: &str) -> &Arguments {
        self.others.get(arch).unwrap_or(&self.common)
    }

    /// Do they lie behind a pointer there?
    pub fn are_hidden(&self, arch: &str) -> bool {
        self.others.get(arch).is_some_and(|list| list.0.is_empty())
    }
}

/// A value, and the architectures that have another.
#[derive(Clone, Debug, Default)]
pub struct Constant {
    common: u64,
    others: BTreeMap<String, u64>,
}

impl Constant {
    /// Read `5 mips,mipsel:14`.
    pub fn parse(text: &str) -> Option<Constant> {
        let mut parts = text.split_whitespace();
        let common = parse_number(parts.next()?)?;
        let mut others = BTreeMap::new();
        for part in parts {
            let (arches, value) = part.split_once(':')?;
            let value = parse_number(value)?;
            others.extend(arches.split(',').map(|arch| (arch.to_owned(), value)));
        }
        Some(Constant { common, others })
    }

    pub fn of(&self, arch: &str) -> u64 {
        self.others.get(arch).copied().unwrap_or(self.common)
    }
}

/// What names in a limit stand for on one architecture.
pub type Constants = BTreeMap<String, u64>;

/// Read a limit; `any` is one clause without a test.
pub fn parse(text: &str, arguments: &Arguments, constants: &Constants) -> Result<Limit, String> {
    if text.trim() == "any" {
        return Ok(Limit(vec![Vec::new()]));
    }
    let clauses = text.split(" or ").map(|clause| {
        clause
            .split(" and ")
            .map(|test| parse_test(test.trim(), arguments, constants))
            .collect()
    });
    clauses.collect::<Result<Vec<_>, _>>().map(Limit)
}

/// The operators, longest first so that `not in` is not taken for `in`.
const OPERATORS: [(&str, bool, bool); 4] = [
    (" not in ", true, true),
    (" in ", false, true),
    (" == ", false, false),
    (" != ", true, false),
];

fn parse_test(text: &str, arguments: &Arguments, constants: &Constants) -> Result<Test, String> {
    let operator = OPERATORS.iter().find(|(sign, ..)| text.contains(sign));
    let (sign, negated, list) = operator
        .ok_or_else(|| format!("\"{text}\": no \"==\", \"!=\", \"in\" or \"not in\" in it"))?;
    let (left, right) = text.split_once(sign).unwrap_or((text, ""));
    let (name, bits) = match left.split_once('&') {
        Some((name, bits)) => (name.trim(), Some(bits.trim())),
        None => (left.trim(), None),
    };
    let (arg, wide) = arguments.find(name)?;
    let every = if wide { u64::MAX } else { u64::from(u32::MAX) };
    let mask = bits.map_or(Ok(every), |bits| number(bits, constants))?;
    let values = if *list {
        right.split(',').collect()
    } else {
        vec![right]
    };
    let values = values
        .into_iter()
        .map(|value| parse_value(value.trim(), constants))
        .collect::<Result<Vec<_>, _>>()?;
    for value in &values {
        if let Value::Number(n) = value
            && n & !mask != 0
        {
            return Err(format!(
                "\"{text}\": {n:#x} has bits outside {mask:#x}: it can never match"
            ));
        }
    }
    Ok(Test {
        arg,
        wide,
        mask,
        negated: *negated,
        values,
    })
}

fn parse_value(text: &str, constants: &Constants) -> Result<Value, String> {
    match text {
        "SELF" => Ok(Value::SelfPid),
        "REPORT" => Ok(Value::Report),
        "UID" => Ok(Value::Uid),
        "GID" => Ok(Value::Gid),
        _ => number(text, constants).map(Value::Number),
    }
}

fn number(text: &str, constants: &Constants) -> Result<u64, String> {
    text.split('|')
        .try_fold(0, |all, part| Ok(all | constant(part.trim(), constants)?))
}

fn constant(text: &str, constants: &Constants) -> Result<u64, String> {
    if let Some(n) = constants.get(text) {
        return Ok(*n);
    }
    parse_number(text).ok_or_else(|| format!("\"{text}\": not a number, and not in [constants]"))
}

/// A number as C writes it: 0x for base 16, a leading 0 for base 8.
pub fn parse_number(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x") {
        u64::from_str_radix(hex, 16).ok()
    } else if text.len() > 1 && text.starts_with('0') {
        u64::from_str_radix(text, 8).ok()
    } else {
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Limit, String> {
        let arguments = Arguments::parse("int dirfd, ptr path, int flags, int mode").unwrap();
        let constants = [("A", 3), ("B", 0x40)]
            .map(|(n, v)| (n.to_string(), v))
            .into();
        parse(text, &arguments, &constants)
    }

    #[test]
    fn clauses_and_tests() {
        let limit = read("flags & A|B == 0 and mode & 07000 == 0 or path == 0").unwrap();
        assert_eq!(limit.0.len(), 2);
        assert_eq!(limit.0[0][0].mask, 0x43);
        assert_eq!(limit.0[0][1].mask, 0o7000);
        assert!(limit.0[1][0].wide);
        let limit = read("dirfd not in 1, 2, SELF").unwrap();
        assert!(limit.0[0][0].negated);
        assert_eq!(limit.0[0][0].values[2], Value::SelfPid);
        assert_eq!(read("any").unwrap().0, [vec![]]);
    }

    #[test]
    fn architectures_may_differ() {
        let call = ByArch::parse("int flags, ptr stack; s390,s390x: ptr stack, int flags");
        let call = call.expect("arguments");
        assert_eq!(call.of("s390x").place("flags"), Some(1));
        assert_eq!(call.of("arm").place("flags"), Some(0));
        assert!(ByArch::parse("int a; int b").is_err());
        let call = ByArch::parse("int prot; x86,s390x: -").expect("arguments");
        assert!(call.are_hidden("s390x") && !call.are_hidden("arm"));
        assert_eq!(call.of("x86").place("prot"), None);
        let constant = Constant::parse("5 mips,mipsel:14").expect("a constant");
        assert_eq!((constant.of("arm"), constant.of("mipsel")), (5, 14));
        assert!(Constant::parse("").is_none() && Constant::parse("5 mips").is_none());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, part) in [
            ("flag == 0", "\"flag\""),
            ("flags = 0", "no \"==\""),
            ("flags == C", "\"C\""),
            ("flags & A == B", "can never match"),
            ("", "no \"==\""),
        ] {
            assert!(read(text).unwrap_err().contains(part), "{text}");
        }
    }
}
