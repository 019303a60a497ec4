/**
 * Loaded before a server whose memory is read (`node --expose-gc --import`), so
 * that garbage which nobody has collected yet is not counted as its memory.
 */
setInterval(globalThis.gc, 500).unref();
