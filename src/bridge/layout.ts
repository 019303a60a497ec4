import * as binding from "#binding";

/** Where things are in a loop's shared memory and what the records mean: defined in `crates/node/src/layout.rs`. */
export const layout = binding.layout();
