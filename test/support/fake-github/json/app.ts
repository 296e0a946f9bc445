import type { AppRegistration } from '../app-registration.js';
import type { Installation } from '../installation.js';
import { accountJson } from './account.js';
import { type Json, type Urls, iso, nodeId } from './common.js';

/** The GitHub App ("integration"). */
export function appJson(urls: Urls, app: AppRegistration): Json {
  return {
    id: app.id,
    client_id: app.clientId,
    slug: app.slug,
    node_id: nodeId('A', app.id),
    owner: accountJson(urls, app.owner),
    name: app.name,
    description: '',
    external_url: urls.html,
    html_url: `${urls.html}/apps/${app.slug}`,
    created_at: iso(app.createdAt),
    updated_at: iso(app.createdAt),
    permissions: app.permissions,
    events: app.events,
  };
}

export function installationJson(urls: Urls, app: AppRegistration, installation: Installation): Json {
  const { account, id } = installation;
  const organization = account.type === 'Organization';
  return {
    id,
    client_id: app.clientId,
    account: accountJson(urls, account),
    repository_selection: installation.selection,
    access_tokens_url: `${urls.api}/app/installations/${id}/access_tokens`,
    repositories_url: `${urls.api}/installation/repositories`,
    html_url: organization
      ? `${urls.html}/organizations/${account.login}/settings/installations/${id}`
      : `${urls.html}/settings/installations/${id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: account.id,
    target_type: organization ? 'Organization' : 'User',
    permissions: installation.permissions,
    events: app.events,
    created_at: iso(installation.createdAt),
    updated_at: iso(installation.createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspendedBy ? accountJson(urls, installation.suspendedBy) : null,
    suspended_at: installation.suspendedAt ? iso(installation.suspendedAt) : null,
  };
}
