import { ApiError, notFound } from '../api-error.js';
import type { TreeFile } from '../git/trees.js';
import type { Json } from '../json/common.js';
import { ok, onRepository, resolveRef, type RepositoryRequest, type Routes } from './route.js';

/** GitHub sends the content itself only of files up to 1 MB, and refuses files over 100 MB. */
const INLINE_LIMIT = 1024 * 1024;

function entryJson(
  { urls, repository }: RepositoryRequest,
  ref: string,
  path: string,
  file: TreeFile,
  size: number,
) {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const root = `${urls.api}/repos/${repository.fullName}`;
  const url = `${root}/contents/${encoded}?ref=${encodeURIComponent(ref)}`;
  const kind = file.mode === '40000' ? 'tree' : 'blob';
  const git = `${root}/git/${kind}s/${file.sha}`;
  const html = `${urls.html}/${repository.fullName}/${kind}/${encodeURIComponent(ref)}/${encoded}`;
  const type = { '40000': 'dir', '120000': 'symlink', '160000': 'submodule' }[file.mode] ?? 'file';
  return {
    name: path.split('/').at(-1),
    path,
    sha: file.sha,
    size,
    url,
    html_url: html,
    git_url: git,
    download_url: kind === 'blob' ? html.replace('/blob/', '/raw/') : null,
    type,
    _links: { self: url, git, html },
  };
}

function directoryJson(
  request: RepositoryRequest,
  ref: string,
  path: string,
  tree: Map<string, TreeFile>,
): Json[] {
  const prefix = path === '' ? '' : `${path}/`;
  const entries = new Map<string, Json>();
  for (const [name, file] of tree) {
    if (!name.startsWith(prefix)) continue;
    const [first = '', ...below] = name.slice(prefix.length).split('/');
    if (entries.has(first)) continue;
    // Where git keeps the directory's tree object does not matter to anyone here; any sha of its files identifies it.
    const shown = below.length > 0 ? { mode: '40000', sha: file.sha } : file;
    const size = below.length > 0 ? 0 : (request.repository.git.read(file.sha)?.content.length ?? 0);
    // A directory listing calls submodules files, for the sake of old clients.
    const entry = entryJson(request, ref, prefix + first, shown, size);
    entries.set(first, entry.type === 'submodule' ? { ...entry, type: 'file' } : entry);
  }
  return [...entries.values()].sort((a, b) => String(a['name']).localeCompare(String(b['name'])));
}

export const contentRoutes: Routes = {
  'repos/get-content': onRepository('contents:read', (request) => {
    const { repository, params, query, accept } = request;
    const ref = query.get('ref') ?? repository.defaultBranch;
    const path = (params['path'] ?? '').replace(/^\/+|\/+$/g, '');
    const sha = resolveRef(repository, ref);
    if (!sha) throw new ApiError(404, `No commit found for the ref ${ref}`);
    const tree = repository.tree(sha);
    const file = tree.get(path);
    if (!file) {
      const listing = directoryJson(request, ref, path, tree);
      if (listing.length === 0 && path !== '') throw notFound();
      return ok(listing);
    }
    const content = repository.git.read(file.sha)?.content ?? Buffer.alloc(0);
    if (accept.includes('.raw')) return { status: 200, body: content };
    const entry = entryJson(request, ref, path, file, content.length);
    if (entry.type === 'symlink') return ok({ ...entry, target: content.toString() });
    if (entry.type === 'submodule') return ok({ ...entry, submodule_git_url: null });
    if (content.length > INLINE_LIMIT) return ok({ ...entry, content: '', encoding: 'none' });
    const lines = content.toString('base64').replace(/.{60}(?=.)/g, '$&\n');
    return ok({ ...entry, content: lines === '' ? '' : `${lines}\n`, encoding: 'base64' });
  }),
};
