/** Brings the page of a pipeline to life: takes in what changes while it runs, and makes viewers of its logs. */
import { follow } from './live.js';
import { LogPanel, rangeOf } from './log-panel.js';

const logs = document.querySelector<HTMLElement>('.logs');
document.documentElement.classList.add('scripted');

if (logs) {
  const address = `/pipelines/${logs.dataset['pipeline']}`;
  const panels = new Map<string, LogPanel>();
  const adopt = (element: HTMLDetailsElement) => {
    const panel = new LogPanel(element, address);
    panels.set(panel.stage, panel);
  };
  for (const element of logs.querySelectorAll('details')) adopt(element);

  const showHash = () => {
    const found = rangeOf(location.hash);
    if (found) panels.get(found.stage)?.show(found);
    else if (location.hash.startsWith('#log-')) panels.get(location.hash.slice(5))?.open();
  };
  addEventListener('hashchange', showHash);
  showHash();

  if (logs.dataset['live'] !== undefined) follow({ address, logs, panels, adopt });
}
