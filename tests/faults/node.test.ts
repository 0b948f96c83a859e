import { faultSuite } from '../support/fault-suite.ts';
import { startGateway } from '../support/gateway.ts';
import { themes } from './scenarios.ts';

faultSuite('Node', startGateway, themes);
