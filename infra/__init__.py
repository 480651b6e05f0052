"""The infrastructure as CloudFormation, one module a resource family; `python -m infra.package` builds it.

queues table buckets keys alarms    what is kept, and what wakes a person
functions                           roles, environment and limits of the Lambda functions
applications                        what `chalice package` says, joined into one template
fleet                               the face workers' own stack
archive layer package               the zips, and the command that builds everything
"""
