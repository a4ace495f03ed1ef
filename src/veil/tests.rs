// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules against a model in which paths are texts.

use std::collections::BTreeMap;

use super::*;

/// A file system of names: a directory's number is its place in this list.
const DIRECTORIES: [&str; 9] = [
    "/", "/a", "/a/b", "/a/b/c", "/a/d", "/e", "/e/f", "/e/f/g", "/e/f/g/h",
];
const FILES: [&str; 4] = ["x", "y", "a", "b"];

fn id(path: &str) -> Option<Id> {
    let inode = DIRECTORIES.iter().position(|d| *d == path)? as u64 + 2;
    Some(Id { device: 1, inode })
}

fn split(path: &str) -> (&str, &str) {
    let at = path.rfind('/').expect("absolute");
    (if at == 0 { "/" } else { &path[..at] }, &path[at + 1..])
}

fn above(path: &str) -> Vec<&str> {
    let mut list = Vec::new();
    let mut at = path;
    while at != "/" {
        at = split(at).0;
        list.push(at);
    }
    list
}

fn letters(text: &str) -> Letters {
    Letters::parse(text.as_bytes()).expect("letters")
}

/// Give the same rule to both.
fn set(veil: &mut Veil, model: &mut BTreeMap<String, Letters>, path: &str, text: &str) {
    model.insert(path.to_owned(), letters(text));
    let done = match id(path) {
        Some(id) => veil.set_directory(id, letters(text)),
        None => {
            let (directory, name) = split(path);
            veil.set_name(
                id(directory).expect("a directory"),
                name.as_bytes(),
                letters(text),
            )
        }
    };
    done.expect("room");
}

fn decided(veil: &Veil, path: &str) -> Decision {
    let ids: Vec<Id> = above(path).into_iter().filter_map(id).collect();
    let (_, name) = split(path);
    veil.decide(Place {
        itself: id(path),
        name: name.as_bytes(),
        above: &ids,
    })
}

/// The longest path with a rule that is the path or leads to it; a file's own
/// rule forbids, and never hides.
fn model_decides(model: &BTreeMap<String, Letters>, path: &str) -> Decision {
    if let (None, Some(letters)) = (id(path), model.get(path)) {
        return Decision {
            letters: *letters,
            is_hidden: false,
        };
    }
    let mut at = path;
    loop {
        if let (Some(_), Some(letters)) = (id(at), model.get(at)) {
            return Decision {
                letters: *letters,
                is_hidden: letters.is_empty(),
            };
        }
        if at == "/" {
            return Decision {
                letters: Letters::NONE,
                is_hidden: true,
            };
        }
        at = split(at).0;
    }
}

fn everything() -> impl Iterator<Item = String> {
    DIRECTORIES.iter().flat_map(|directory| {
        let files = FILES.iter().filter_map(|name| {
            let path = format!("{}/{name}", directory.trim_end_matches('/'));
            id(&path).is_none().then_some(path)
        });
        files.chain([(*directory).to_owned()]).collect::<Vec<_>>()
    })
}

/// Which listed directory is the next one above each.
fn chain(veil: &Veil) -> Vec<Option<u8>> {
    let path = |at: usize| DIRECTORIES[veil.directories()[at].id.inode as usize - 2];
    (0..veil.directories().len())
        .map(|n| {
            let ids = above(path(n));
            let found = ids.into_iter().filter_map(id).find_map(|id| veil.find(id));
            found.map(|place| place as u8)
        })
        .collect()
}

/// What Landlock allows: the letters of every rule on the way, joined.
fn landlock_allows(veil: &Veil, path: &str) -> Letters {
    let ids = id(path)
        .into_iter()
        .chain(above(path).into_iter().filter_map(id));
    let mut all = ids
        .filter_map(|id| veil.directories()[veil.find(id)?].letters)
        .fold(Letters::NONE, Letters::or);
    let (directory, name) = split(path);
    if let (None, Some(place)) = (id(path), id(directory).and_then(|id| veil.find(id))) {
        let own = veil
            .names()
            .iter()
            .find(|n| usize::from(n.directory) == place && n.bytes() == name.as_bytes());
        all = all.or(own.map_or(Letters::NONE, |n| n.letters.minus(Letters::C)));
    }
    all
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

const SETS: [&str; 7] = ["", "r", "rw", "rx", "rwc", "c", "rwxc"];

#[test]
fn random_rules_decide_as_the_model_does() {
    let paths: Vec<String> = everything().collect();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut exact = 0;
    for _ in 0..4000 {
        let (mut veil, mut model) = (Veil::EMPTY, BTreeMap::new());
        for _ in 0..random.below(6) {
            let path = &paths[random.below(paths.len())];
            set(&mut veil, &mut model, path, SETS[random.below(SETS.len())]);
        }
        for path in &paths {
            assert_eq!(
                decided(&veil, path),
                model_decides(&model, path),
                "{path} {model:?}"
            );
        }
        let above = chain(&veil);
        let meant: Vec<Letters> = paths
            .iter()
            .map(|path| decided(&veil, path).letters)
            .collect();
        // What Landlock is said to hold it holds exactly.
        if veil.landlock(&above, |_| true).is_none() {
            exact += 1;
            for (path, meant) in paths.iter().zip(&meant) {
                assert_eq!(landlock_allows(&veil, path), *meant, "{path} {model:?}");
            }
        }
        // And of what it cannot hold it allows no more than is meant.
        let before = veil;
        veil.lessen(&above);
        for (path, meant) in paths.iter().zip(&meant) {
            assert!(
                meant.has(landlock_allows(&veil, path)),
                "{path} {model:?} {before:?}"
            );
        }
    }
    assert!(exact > 400, "{exact}");
}

#[test]
fn the_deepest_rule_decides_alone() {
    let (mut veil, mut model) = (Veil::EMPTY, BTreeMap::new());
    set(&mut veil, &mut model, "/", "rwc");
    set(&mut veil, &mut model, "/a", "r");
    set(&mut veil, &mut model, "/a/b", "");
    set(&mut veil, &mut model, "/a/b/x", "r");
    let errno = |path: &str, text: &str| decided(&veil, path).errno(Wanted::All(letters(text)));
    assert_eq!(errno("/e/x", "rwc"), 0);
    assert_eq!(errno("/a/x", "w"), libc::EACCES);
    assert_eq!(errno("/a/x", "r"), 0);
    assert_eq!(errno("/a/b", "r"), libc::ENOENT);
    assert_eq!(errno("/a/b/y", "r"), libc::ENOENT);
    assert_eq!(errno("/a/b/x", "r"), 0);
    assert_eq!(errno("/a/b/x", "w"), libc::EACCES);
    assert_eq!(decided(&veil, "/a/b").errno(Wanted::Any), libc::ENOENT);
    assert_eq!(decided(&veil, "/a").errno(Wanted::Any), 0);
}

#[test]
fn a_name_without_letters_forbids_and_does_not_hide() {
    let (mut veil, mut model) = (Veil::EMPTY, BTreeMap::new());
    set(&mut veil, &mut model, "/a/x", "");
    let errno = |path: &str| decided(&veil, path).errno(Wanted::All(Letters::R));
    assert_eq!((errno("/a/x"), errno("/a/y")), (libc::EACCES, libc::ENOENT));
}

#[test]
fn the_last_rule_for_a_path_stands() {
    let (mut veil, mut model) = (Veil::EMPTY, BTreeMap::new());
    for text in ["r", "rwc", "r"] {
        set(&mut veil, &mut model, "/a", text);
        set(&mut veil, &mut model, "/e/y", text);
    }
    assert_eq!((veil.directories().len(), veil.names().len()), (2, 1));
    assert_eq!(decided(&veil, "/a/y").letters, Letters::R);
}

#[test]
fn a_full_list_takes_nothing_more() {
    let mut veil = Veil::EMPTY;
    let at = |inode| Id { device: 7, inode };
    for n in 0..DIRECTORIES_MAX as u64 {
        assert_eq!(veil.set_directory(at(n), Letters::R), Ok(n as usize));
    }
    assert_eq!(veil.set_directory(at(0), Letters::W), Err(Full));
    let mut veil = Veil::EMPTY;
    for n in 0..NAMES_MAX {
        assert_eq!(
            veil.set_name(at(0), n.to_string().as_bytes(), Letters::R),
            Ok(0)
        );
    }
    assert_eq!(veil.set_directory(at(9), Letters::W), Err(Full));
}

#[test]
fn what_landlock_cannot_hold_is_named() {
    let case = |rules: &[(&str, &str)], is_there: bool| {
        let (mut veil, mut model) = (Veil::EMPTY, BTreeMap::new());
        for (path, text) in rules {
            set(&mut veil, &mut model, path, text);
        }
        veil.landlock(&chain(&veil), |_| is_there)
    };
    assert_eq!(
        case(&[("/", "r"), ("/a", "rw"), ("/a/b", "rwc")], true),
        None
    );
    assert_eq!(case(&[("/a/x", "rw")], true), None);
    assert_eq!(case(&[("/a/x", "rw")], false), Some(Beyond::Missing(0)));
    assert_eq!(case(&[("/a/x", "rwc")], true), Some(Beyond::Makes(0)));
    assert_eq!(case(&[("/a", "rwc"), ("/a/x", "rwc")], false), None);
    let narrower = Beyond::Narrower(Rule::Directory(1));
    assert_eq!(case(&[("/", "rwc"), ("/a/b", "r")], true), Some(narrower));
    let narrower = Beyond::Narrower(Rule::Name(0));
    assert_eq!(case(&[("/a", "rw"), ("/a/b/x", "r")], true), Some(narrower));
    assert_eq!(case(&[("/a/x", "")], false), None);
    assert_eq!(case(&[("/a/x", "x")], true), None);
    assert_eq!(case(&[("/a", "x")], true), Some(Beyond::Executes(0)));
    assert_eq!(case(&[("/a", "rx")], true), None);
}
