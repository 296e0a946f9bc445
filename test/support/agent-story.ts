/** A Story with a fake Codegen beside the fake GitHub, and the pull request that the fix loop is about. */
import { AgentRun } from '../../src/database/entities/index.js';
import { FakeCodegen, type FakeCodegenOptions } from './fake-codegen.js';
import type { FakePullRequest, FakeRepository } from './fake-github/index.js';
import { scripted, Story, type StoryOptions } from './story.js';

/** Green where feature.txt is right, as it is on the base branch. */
export const FEATURE_TEST = 'grep -q right feature.txt || { echo "Error: $(cat feature.txt)"; exit 1; }';

type Settings = Record<string, string | number | boolean>;

/** The environment of a server that knows this Codegen. */
export const codegenEnvironment = (codegen: FakeCodegen): Record<string, string> => ({
  CODEGEN_API_KEY: codegen.apiKey,
  CODEGEN_ORG_ID: codegen.organization,
  CODEGEN_API_BASE_URL: codegen.url,
  AGENT_POLL_SECONDS: '1',
});

export class AgentStory {
  private constructor(
    readonly story: Story,
    readonly codegen: FakeCodegen,
  ) {}

  static async begin(
    options: StoryOptions = {},
    codegenOptions: FakeCodegenOptions = {},
  ): Promise<AgentStory> {
    const codegen = await FakeCodegen.start(codegenOptions);
    const story = await Story.begin({
      ...options,
      env: { ...codegenEnvironment(codegen), ...options.env },
      overrides: { codegen: { sleep: () => Promise.resolve(), pauseMs: () => 10 }, ...options.overrides },
    });
    return new AgentStory(story, codegen);
  }

  async end(): Promise<void> {
    await this.story.end();
    await this.codegen.close();
  }

  get github() {
    return this.story.github;
  }

  /** acme/web with a pull request of ann's that makes feature.txt wrong, unless told otherwise; delivered. */
  open = async (settings: Settings = {}, content = 'wrong') => {
    const opened = this.unopened(settings, content);
    await this.story.deliver(opened.pr.opened);
    return opened;
  };

  /** The same, not delivered yet. */
  unopened(settings: Settings = {}, content = 'wrong'): { repository: FakeRepository; pr: FakePullRequest } {
    const repository = this.github.createRepository('acme/web', {
      files: { ...scripted({ test_commands: FEATURE_TEST, ...settings }), 'feature.txt': 'right' },
    });
    repository.commit('feature', { 'feature.txt': content });
    return { repository, pr: repository.openPullRequest({ head: 'feature', author: 'ann' }) };
  }

  /** The agent pushes this as soon as it is asked, and says that it is done. */
  agentPushes = (pr: FakePullRequest, content: string) => {
    const push = pr.push({ 'feature.txt': content }, 'Fix it', 'codegen-sh[bot]');
    this.codegen.update({ status: 'COMPLETE', result: `Wrote ${content}.` });
    return this.story.deliver(push);
  };

  commentSays = (pr: FakePullRequest, text: string) =>
    this.github.waitFor(() => pr.comments().some(({ body }) => body.includes(text)), {
      what: `a comment with "${text}"`,
      timeoutMs: 25_000,
    });

  /** Ours that tell the state: there should be one. */
  stateComments = (pr: FakePullRequest) =>
    pr.comments().filter(({ body }) => body.startsWith('<!-- codegenapp -->'));

  runs = () => this.story.app.database.read.find(AgentRun, { order: { id: 'ASC' } });

  /** Resolves when Codegen has been asked to go on with its run so often. */
  resumed = (times: number) =>
    this.github.waitFor(() => this.codegen.requestsOf('resume').length >= times, {
      what: 'the resumption',
      timeoutMs: 20_000,
    });
}
