// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the root of each effect is recognised in a stripped file: the table, and what its words mean.

use std::collections::{BTreeMap, BTreeSet};

use super::arm::DIVIDED_BY_ZERO;
use super::flow::{Function, Put};
use super::graph::{Program, Why};

/// How a root is recognised.
pub enum Mark {
    /// It is exported under this name.
    Export(&'static str),
    /// It is exported under a name that begins so.
    Exports(&'static str),
    /// The symbol table of an archive names it so, be it private.
    Named(&'static str),
    /// It is private and mentions a text that contains this.
    Text(&'static str),
    /// It is private and calls a private function that mentions a text with this.
    AboveText(&'static str),
    /// It is private, never returns, and is called by this exported function.
    LastCalleeOf(&'static str),
    /// It is private, never returns, and makes this system call.
    LastMaking(&'static str),
    /// It may return, calls the first of these exported functions, which never
    /// does, and is not the second, which is called for that.
    MayCall(&'static str, &'static str),
    /// It is private and calls this exported function.
    Calls(&'static str),
    /// It is private and its code begins so.
    Code(&'static [u8]),
    /// It is private and makes a system call whose number it reads from memory.
    ByMemory,
    /// Code puts its address into this exported variable.
    PutInto(&'static str),
    /// It stands in this word of a table of stdio and calls this.
    Slot(u64, &'static str),
    /// It is private, reads or mentions this exported variable, and this
    /// exported function reaches it in so many private steps.
    Below(&'static str, &'static str, usize),
    /// Not a function: calls of files, made by code that mentions such a text.
    FilesNear(&'static str),
}

use Mark::*;

/// Which libc, which effect, by what.
pub const MARKS: &[(&str, &str, Mark)] = &[
    ("dietlibc", "fatal", Named("__stack_chk_fail")),
    ("dietlibc", "cancel", Export("pthread_exit")),
    ("glibc", "fatal", Code(DIVIDED_BY_ZERO)),
    ("musl", "fatal", Code(DIVIDED_BY_ZERO)),
    ("dietlibc", "fatal", Code(DIVIDED_BY_ZERO)),
    ("musl", "cancel", MayCall("pthread_exit", "pthread_cancel")),
    ("musl", "aio", Export("aio_cancel")),
    ("glibc", "cancel", Export("__pthread_unwind")),
    ("glibc", "cancel", Export("__pthread_unwind_next")),
    ("glibc", "cancel", LastCalleeOf("__pthread_unwind_next")),
    ("glibc", "cancel", LastCalleeOf("pthread_exit")),
    ("glibc", "cancel", LastMaking("kill")),
    ("glibc", "setxid", ByMemory),
    ("glibc", "dlopen", Text("invalid mode for dlopen()")),
    ("glibc", "dlopen", Text("shared object not open")),
    ("glibc", "dlopen", Export("_dl_catch_exception")),
    ("glibc", "dlopen", Export("_dl_catch_error")),
    ("glibc", "dlopen", Export("__libc_dlopen_mode")),
    ("glibc", "dlopen", Export("__libc_dlclose")),
    ("glibc", "dlopen", Export("__libc_dlsym")),
    ("glibc", "gettext", Export("dcgettext")),
    ("glibc", "gettext", Text("LANGUAGE")),
    ("glibc", "gconv", Text("gconv-modules")),
    ("glibc", "gconv", Text("gconv_init")),
    ("glibc", "gconv", Text("/gconv")),
    ("glibc", "gconv", AboveText("/gconv")),
    ("glibc", "fortify", Text("/proc/self/maps")),
    ("glibc", "locale", Text("/locale/locale-archive")),
    ("glibc", "locale", AboveText("/locale/locale-archive")),
    ("glibc", "nss", Export("__nss_database_get")),
    ("glibc", "nss", Export("__nss_database_lookup2")),
    ("glibc", "nss", Export("__nss_lookup_function")),
    ("glibc", "nss", Export("__nss_lookup")),
    ("glibc", "nss", Export("__nss_next2")),
    ("glibc", "nss", Exports("_nss_")),
    ("glibc", "nss", Text("/etc/nsswitch.co")),
    ("glibc", "nss", Text("libnss_%s")),
    ("glibc", "nscd", Text("/var/run/nscd/so")),
    (
        "glibc",
        "vtable-check",
        Text("glibc detected an invalid stdio handle"),
    ),
    (
        "glibc",
        "prio-mutex",
        Export("__pthread_tpp_change_priority"),
    ),
    ("glibc", "prio-mutex", Export("__init_sched_fifo_prio")),
    ("glibc", "prio-mutex", Calls("sched_get_priority_min")),
    ("glibc", "prio-mutex", Calls("sched_getparam")),
    ("glibc", "rpc", Calls("svc_unregister")),
    ("glibc", "malloc-tunables", Export("get_nprocs")),
    ("glibc", "malloc-tunables", Text("/sys/devices/system/cpu/")),
    ("glibc", "malloc-tunables", Text("/sys/kernel/mm/")),
    ("glibc", "malloc-tunables", FilesNear("/sys/kernel/mm/")),
    (
        "glibc",
        "malloc-tunables",
        FilesNear("/proc/sys/vm/overcommit_memory"),
    ),
    ("glibc", "malloc-hooks", PutInto("__malloc_hook")),
    ("glibc", "malloc-hooks", PutInto("__free_hook")),
    ("glibc", "malloc-hooks", PutInto("__realloc_hook")),
    ("glibc", "malloc-hooks", PutInto("__memalign_hook")),
    ("glibc", "atexit", Below("exit", "_IO_list_all", 2)),
    ("glibc", "popen-close", Slot(17, "waitpid")),
    ("glibc", "popen-close", Slot(17, "wait4")),
];

/// System calls on files, for `FilesNear`.
const FILES: &[&str] = &[
    "open",
    "openat",
    "read",
    "pread64",
    "close",
    "getdents64",
    "lseek",
];

pub fn exported(program: &Program, name: &str) -> BTreeSet<u64> {
    let named = program
        .image
        .exports
        .iter()
        .filter(|export| export.name == name);
    named.map(|export| export.address).collect()
}

/// The functions that a mark names.
pub fn roots(program: &Program, mark: &Mark, names: &BTreeMap<u32, String>) -> BTreeSet<u64> {
    let public = program
        .image
        .exports
        .iter()
        .map(|export| export.address)
        .collect();
    let search = Search {
        program,
        names,
        public,
    };
    match mark {
        Export(name) => exported(program, name),
        Named(name) => {
            let named = program
                .image
                .names
                .iter()
                .filter(|(_, known)| known == name);
            named.map(|(address, _)| *address).collect()
        }
        Exports(start) => {
            let exports = program.image.exports.iter().filter(|export| export.code);
            let named = exports.filter(|export| export.name.starts_with(start));
            named.map(|export| export.address).collect()
        }
        Text(text) => search.private(mentioning(program, text)),
        AboveText(text) => {
            search.private(search.callers(&search.private(mentioning(program, text))))
        }
        LastCalleeOf(name) => search.last_callees(name),
        LastMaking(name) => {
            let never = search.private(program.noreturn.iter().copied());
            never
                .into_iter()
                .filter(|address| search.makes(*address, name))
                .collect()
        }
        MayCall(name, except) => {
            let callers = search.callers(&exported(program, name));
            let except = exported(program, except);
            callers
                .into_iter()
                .filter(|address| !program.noreturn.contains(address) && !except.contains(address))
                .collect()
        }
        Calls(name) => search.private(search.callers(&exported(program, name))),
        Code(bytes) => {
            let begins = |at: u64| {
                let code = program.image.code_at(at);
                code.is_some_and(|code| code.starts_with(bytes))
            };
            let all = search.private(program.functions.keys().copied());
            all.into_iter().filter(|at| begins(*at)).collect()
        }
        ByMemory => search.private(program.by_memory.iter().copied()),
        PutInto(name) => search.put_into(name),
        Slot(word, name) => search.in_slot(*word, name),
        Below(from, variable, steps) => below(program, from, *steps)
            .into_iter()
            .filter(|address| mentions(program, *address, &exported(program, variable)))
            .collect(),
        FilesNear(_) => BTreeSet::new(),
    }
}

/// What the marks are looked for in.
struct Search<'a> {
    program: &'a Program,
    names: &'a BTreeMap<u32, String>,
    public: BTreeSet<u64>,
}

impl Search<'_> {
    fn private(&self, from: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
        from.into_iter()
            .filter(|address| !self.public.contains(address))
            .collect()
    }

    fn callers(&self, callees: &BTreeSet<u64>) -> BTreeSet<u64> {
        let edges = self.program.edges.iter();
        let calling = edges.filter(|(_, to)| to.iter().any(|edge| callees.contains(&edge.to)));
        calling.map(|(address, _)| *address).collect()
    }

    fn makes(&self, address: u64, name: &str) -> bool {
        let own = self.program.numbers.get(&address).into_iter().flatten();
        own.filter_map(|number| self.names.get(number))
            .any(|own| own == name)
    }

    fn last_callees(&self, name: &str) -> BTreeSet<u64> {
        let callers = exported(self.program, name);
        let edges = callers
            .iter()
            .filter_map(|address| self.program.edges.get(address))
            .flatten();
        let last =
            edges.filter(|edge| edge.why == Why::Call && self.program.noreturn.contains(&edge.to));
        self.private(last.map(|edge| edge.to))
    }

    fn put_into(&self, name: &str) -> BTreeSet<u64> {
        let variable = exported(self.program, name);
        let puts = self
            .program
            .functions
            .values()
            .flat_map(|function| &function.puts);
        let into = puts.filter(|(put, _)| matches!(put, Put::Global(at) if variable.contains(at)));
        let what = into.map(|(_, what)| *what);
        what.filter(|what| self.program.functions.contains_key(what))
            .collect()
    }

    fn in_slot(&self, word: u64, name: &str) -> BTreeSet<u64> {
        let callers = self.callers(&exported(self.program, name));
        let size = u64::from(self.program.image.word);
        let words = self.program.vtables.iter().map(|table| table + size * word);
        let slots = words
            .filter_map(|at| self.program.image.pointers.get(&at))
            .flatten()
            .copied();
        slots
            .filter(|address| self.makes(*address, name) || callers.contains(address))
            .collect()
    }
}

/// The single calls that a mark names.
pub fn steps(
    program: &Program,
    mark: &Mark,
    names: &BTreeMap<u32, String>,
) -> BTreeSet<(u64, u64)> {
    let FilesNear(text) = mark else {
        return BTreeSet::new();
    };
    let file = |address: &u64| {
        let own = program.numbers.get(address).into_iter().flatten();
        own.filter_map(|number| names.get(number))
            .any(|name| FILES.contains(&name.as_str()))
    };
    let mut steps = BTreeSet::new();
    for from in mentioning(program, text) {
        let edges = program.edges.get(&from).into_iter().flatten();
        steps.extend(edges.map(|edge| edge.to).filter(file).map(|to| (from, to)));
    }
    steps
}

/// Functions that mention a text with this in it.
pub fn mentioning(program: &Program, text: &str) -> BTreeSet<u64> {
    let has = |at: &u64| {
        let found = program.image.text(*at).unwrap_or_default();
        found
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    let found = program
        .functions
        .iter()
        .filter(|(_, function): &(&u64, &Function)| function.data.iter().any(has));
    found.map(|(address, _)| *address).collect()
}

fn mentions(program: &Program, address: u64, data: &BTreeSet<u64>) -> bool {
    program.functions.get(&address).is_some_and(|function| {
        !function.data.is_disjoint(data) || !function.reads.is_disjoint(data)
    })
}

/// Private functions that an exported one reaches in so many steps.
fn below(program: &Program, from: &str, steps: usize) -> BTreeSet<u64> {
    let public: BTreeSet<u64> = program
        .image
        .exports
        .iter()
        .map(|export| export.address)
        .collect();
    let mut seen = exported(program, from);
    let mut reached = BTreeSet::new();
    let mut work: Vec<u64> = seen.iter().copied().collect();
    for _ in 0..steps {
        let next = work
            .iter()
            .filter_map(|address| program.edges.get(address))
            .flatten();
        let next: BTreeSet<u64> = next
            .map(|edge| edge.to)
            .filter(|to| !public.contains(to))
            .collect();
        work = next.into_iter().filter(|to| seen.insert(*to)).collect();
        reached.extend(&work);
    }
    reached
}
