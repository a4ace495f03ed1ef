// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any policy of the tables has a filter, which does with any calls what the policy says.
#![no_main]

mod input;

use input::Input;
use libfuzzer_sys::fuzz_target;
use rpledge::bpf::{self, Program};
use rpledge::sim;
use rpledge::table::TABLE;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let policy = input.policy(&TABLE);
    let mut program = Box::new(Program::new());
    bpf::compile(&policy, &mut program).expect("the filter fits");
    while !input.is_empty() {
        let data = input.call(&TABLE);
        let (seen, _) = sim::run(program.insns(), TABLE.big_endian, &data).expect("it ends");
        assert_eq!(seen, sim::expect(&policy, &data), "{data:x?}");
    }
});
