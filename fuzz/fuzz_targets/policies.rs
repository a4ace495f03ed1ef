// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any policies of the tables have filters, which do together with any calls what the policies say.
#![no_main]

mod input;

use input::Input;
use libfuzzer_sys::fuzz_target;
use rpledge::bpf::{self, Work};
use rpledge::sim;
use rpledge::table::TABLE;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let policies = input.chain(&TABLE);
    let mut work = Box::new(Work::new());
    let mut filters = Vec::new();
    for (n, policy) in policies.iter().enumerate() {
        let old = n.checked_sub(1).map(|below| &policies[below]);
        let program = work.compile(policy, old).expect("the filter fits");
        filters.push(program.insns().to_vec());
    }
    while !input.is_empty() {
        let data = input.call(&TABLE);
        let newest_first = filters.iter().rev();
        let seen = newest_first.fold(bpf::RET_ALLOW, |newer, filter| {
            let (said, _) = sim::run(filter, TABLE.big_endian, &data).expect("it ends");
            sim::overruled(newer, said)
        });
        assert_eq!(seen, sim::expect_all(&policies, &data), "{data:x?}");
    }
});
