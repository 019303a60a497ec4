/** Says how long it takes to import a package, in milliseconds: `import.mjs NAME|URL`, in a process of its own. */
const name = process.argv[2];
const before = performance.now();
await import(name);
const importMs = performance.now() - before;
console.log(JSON.stringify({ importMs }));
// What was imported may keep the process alive.
process.exit();
