// Loaded into a server process of the tests by `node --import`: Octokit without Probot's pauses between writes.
import { ProbotOctokit } from 'probot';

const { defaults } = ProbotOctokit;
ProbotOctokit.defaults = function (given) {
  return defaults.call(this, (options) => ({
    ...(typeof given === 'function' ? given(options) : { ...given, ...options }),
    throttle: { enabled: false },
  }));
};
