import { startGateway } from '../support/gateway.ts';
import { limits } from './limits.ts';
import { acceptance } from './suite.ts';

acceptance('Node', async () => ({ ...(await startGateway()), fetch }));
limits('Node', async () => ({ ...(await startGateway()), fetch }));
