// The admin HTTP, as the primary has it, and the certificates of both doors.
import { AdminServer } from '../admin/admin-server.js';
import type { Config } from '../config/schema.js';
import type { Kicker } from '../connections/kick.js';
import type { ModelDownloader } from '../downloads/model-downloader.js';
import type { Logger } from '../log.js';
import type { Authenticator } from '../server/authenticator.js';
import { roleOptionsOf } from '../server/role-options.js';
import { certificateFiles } from '../server/tls/certificate.js';
import { CertificateWatch } from '../server/tls/certificate-watch.js';
import { networkOf } from './address-network.js';
import { workerCount } from './host.js';
import type { PrimaryView } from './primary-view.js';
import type { Supervisor } from './supervisor.js';

interface AdminParts {
  readonly view: PrimaryView;
  readonly kicker: Kicker;
  readonly supervisor: Supervisor;
  readonly downloads: ModelDownloader;
  readonly authenticator: Authenticator;
}

export function createAdmin(
  config: Config,
  hostId: string,
  { view, kicker, supervisor, downloads, authenticator }: AdminParts,
  log: Logger,
): AdminServer {
  return new AdminServer({
    host: config.admin.host,
    port: config.admin.port,
    hostId,
    roles: roleOptionsOf(config.security),
    authenticator,
    view,
    kicker,
    downloads,
    certificates: config.admin.enabled ? watchCertificate('admin', config, log) : null,
    workers: () => ({
      serving: supervisor.serving,
      wanted: workerCount(config),
      stopping: supervisor.stopping,
    }),
    networkOf,
    log,
  });
}

/** Tells of the certificate and of what becomes of its files; null where none is named. Throws StartupError. */
export function watchCertificate(
  section: 'server' | 'admin',
  config: Config,
  log: Logger,
): CertificateWatch | null {
  const files = certificateFiles(`${section}.tls`, config[section].tls);
  return files === null ? null : new CertificateWatch(files, { log, tells: true });
}
