// Loaded before the first TypeScript file (plain JavaScript for that reason): stripped and compiled code then comes from the
// cache, and a second start never loads the TypeScript stripper, which costs 20 MB of memory.
import { enableCompileCache } from 'node:module';

enableCompileCache();
