/** The live page, whole: what the bundler makes of `page.html`, `page.css` and `page.mjs`. */
export const page: string;
