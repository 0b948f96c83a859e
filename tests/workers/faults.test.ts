import { themes } from '../faults/scenarios.ts';
import { faultSuite } from '../support/fault-suite.ts';
import { startWorkerd } from '../support/fault-worker.ts';

faultSuite('workerd', startWorkerd, themes);
