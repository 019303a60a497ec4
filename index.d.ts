// Generated from index.ts by the build (scripts/build-types.mjs), do not edit.
export * from "./index.cjs";
