// npm run build [-- FOLDER...]: compiles what is out of date, and bundles it for browsers.
import { buildAll } from './browser.mjs';

process.exitCode = await buildAll(process.argv.slice(2));
