// The downloads of models that run, and the last that finished.
import type { ModelDownloader } from '../../downloads/model-downloader.js';
import { json } from '../answer.js';
import type { Route } from '../route.js';

export function downloadsRoute(downloads: Pick<ModelDownloader, 'progress'>): Route {
  return {
    path: '/api/downloads',
    method: 'GET',
    role: 'admin',
    answer: () => json(200, { downloads: downloads.progress() }),
  };
}
