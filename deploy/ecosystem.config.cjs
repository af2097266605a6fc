// PM2 runs the cluster as one program: `pm2 start deploy/ecosystem.config.cjs`. Its own cluster mode stays off,
// because the primary forks the workers itself and shares the port among them.
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
      // The server says when every worker serves.
      wait_ready: true,
      listen_timeout: 60_000,
      // Told by message and left to end in order; longer than cluster.drain_timeout_ms, or replies would be cut.
      shutdown_with_message: true,
      kill_timeout: 15_000,
      // The primary ends its workers; PM2 must not kill them under it.
      treekill: false,
      exp_backoff_restart_delay: 200,
      merge_logs: true,
      time: false,
    },
  ],
};
