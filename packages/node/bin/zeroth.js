#!/usr/bin/env node
// npm links a bin only when its file is there, and in a fresh clone dist/ is not.
import '../dist/cli/main.js';
