// npm run build [-- FOLDER...]: compiles what is out of date.
import { build } from './tool.mjs';

process.exitCode = build(process.argv.slice(2));
