"""Which boards show in Grafana what a server counts?"""
