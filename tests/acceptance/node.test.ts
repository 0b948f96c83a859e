import { startGateway } from '../support/gateway.ts';
import { acceptance } from './suite.ts';

acceptance('Node', async () => ({ ...(await startGateway()), fetch }));
