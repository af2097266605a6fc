// PM2 runs the cluster as one program: `pm2 start deploy/ecosystem.config.cjs`. Its own cluster mode stays off,
// because the primary forks the workers itself and shares the port among them. The environment of the command
// (PEAR_*, REDIS_URL) reaches the server. docs/operation.md says what each command does.
const path = require('node:path');

const root = path.resolve(__dirname, '..');

module.exports = {
  apps: [
    {
      name: 'pear-server',
      script: path.join(root, 'dist', 'main.js'),
      cwd: root,
      exec_mode: 'fork',
      instances: 1,
      // The server says when every worker serves, and `pm2 start` returns then. After listen_timeout PM2 calls it
      // online without having heard so: not shorter than cluster.start_timeout_ms.
      wait_ready: true,
      listen_timeout: 60_000,
      // A message instead of SIGINT, and time to end in order: more than the two seconds that the primary gives its
      // workers beyond cluster.drain_timeout_ms. Whoever raises that raises this.
      shutdown_with_message: true,
      kill_timeout: 15_000,
      // The primary ends its workers; PM2 must not signal them under it. Should the primary be killed, they answer
      // what they owe and end by themselves.
      treekill: false,
      // Waits between restarts of a server that keeps ending: from here, half as much again each time, at most 15 s.
      exp_backoff_restart_delay: 200,
      // A configuration with mistakes: trying again would not mend it.
      stop_exit_codes: [78],
      // PM2's own measuring is not loaded into the server.
      pmx: false,
      // Log files without a number in their names. The lines are JSON with their own time: PM2 adds none.
      merge_logs: true,
    },
  ],
};
