// SPDX-License-Identifier: MIT OR Apache-2.0
//! What it costs to find the data of a libc, and to have it from a file.

use std::hint::black_box;

use rpledge::compiled;
use rpledge::host;
use rpledge::installed::{self, Wanted};
use rpledge::table::{TABLE, Table};

use crate::{child, machine};

const ROUNDS: usize = 300;

pub fn compare() {
    let here = child::run(|| {
        let origin = host::host().origin;
        vec![
            u64::from(!origin.file.is_empty()),
            u64::from(origin.why.is_some()),
        ]
    });
    let state = match here.as_slice() {
        [1, _] => "a file serves",
        [_, 1] => "a file is refused",
        _ => "there is no file",
    };
    let name = child::run(|| {
        let place = |l: &rpledge::table::Libc| l.name == host::host().name && !l.is_later();
        vec![TABLE.libcs.iter().rposition(place).unwrap_or(0) as u64]
    });
    let one = &TABLE.libcs[name[0] as usize..=name[0] as usize];
    let bytes = compiled::write(&Table {
        libcs: one,
        ..TABLE
    });
    let host = || _ = black_box(host::host());
    let wanted = Wanted {
        name: one[0].name,
        version: one[0].version,
        build_id: one[0].builds.first().copied().unwrap_or(""),
    };
    let choose = || _ = black_box(installed::choose(wanted));
    let load = || _ = black_box(compiled::load(&bytes, &TABLE).expect("it was just written"));
    println!(
        "\ndata of {} {}, {} bytes as a file; here {state}; aim: <= 50 us",
        one[0].name,
        one[0].version,
        bytes.len()
    );
    let ways: [(&str, &dyn Fn()); 3] = [
        ("finding the libc and its data", &host),
        ("finding its data alone", &choose),
        ("a file's bytes to tables", &load),
    ];
    for (name, way) in ways {
        let mut times: Vec<_> = (0..ROUNDS).map(|_| child::time(|| {}, way)).collect();
        let (min, median) = machine::min_and_median(&mut times);
        println!(
            "  {name:<40} {:>7.1} us, median {:>7.1}",
            min / 1e3,
            median / 1e3
        );
    }
}
