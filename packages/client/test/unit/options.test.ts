import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyConsume } from '../../src/options.ts';
import { start } from '../support/start.ts';

const NEEDS_NAME = { code: 'ERR_OPTION', message: /broadcast with a group needs the option name in connect/ };

describe('broadcast with a group', () => {
  it('needs a name that is the same after a restart', async () => {
    const { another, node } = await start();
    const nameless = (await another({})).stream('telemetry');
    assert.throws(() => nameless.consume({ strategy: 'broadcast', group: 'screens' }), NEEDS_NAME);
    assert.throws(() => nameless.consume({ live: true, group: 'screens' }), NEEDS_NAME);
    assert.ok(!node.seen.some(({ type }) => type === 'CONSUME'));
    const named = (await another({ name: 'screen-1' })).stream('telemetry');
    await named.consume({ strategy: 'broadcast', group: 'screens' }).close();
  });

  it('asks nothing of other consumers', () => {
    assert.equal(verifyConsume('t', { group: 'db' }, false).strategy, 'group');
    assert.equal(verifyConsume('t', {}, false).strategy, 'broadcast');
    assert.equal(verifyConsume('t', { strategy: 'broadcast', group: 'db' }, true).group, 'db');
  });
});
